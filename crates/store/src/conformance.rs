//! The suite that every store must pass.
//!
//! A store's test file names a way to wait for a future and a way to open a fresh store; each case
//! becomes a test of its own:
//!
//! ```ignore
//! acquaint_store::conformance::suite! {
//!     block_on: |future| runtime().block_on(future),
//!     open: async || {
//!         let directory = tempfile::tempdir().unwrap();
//!         let store: Arc<dyn Store> = Arc::new(open(directory.path()).await.unwrap());
//!         (store, directory) // the second is kept until the test is over
//!     },
//! }
//! ```
//!
//! The cases in [`cases`] and [`documents`] say one by one what the port promises. [`history`] plays random commands
//! and compares whatever can be read with [`MemoryStore`](crate::memory::MemoryStore); a history that
//! fails is shrunk to a short one. `PROPTEST_CASES` sets how many are played, `PROPTEST_RNG_SEED`
//! plays others.

pub mod cases;
pub mod documents;
pub mod history;
mod town;
mod whole;

pub use crate::conformance_suite as suite;
pub use town::Town;
pub use whole::{Page, Whole};

/// One test for each case; see [`conformance`](crate::conformance).
#[macro_export]
macro_rules! conformance_suite {
    (block_on: $block_on:expr, open: $open:expr $(,)?) => {
        $crate::conformance_suite! {
            @cases $block_on, $open, cases;
            an_empty_store_has_nothing
            rows_are_loaded_in_the_order_in_which_they_are_wanted
            a_member_that_moved_is_a_conflict
            a_relation_that_moved_is_a_conflict
            an_unchanged_relation_is_a_precondition_too
            a_claim_is_made_once
            a_conflict_writes_nothing
            pending_invitations_are_paged_from_both_ends
            contacts_are_paged_latest_first
            notifications_have_those_of_pending_invitations_among_them
            retracted_notifications_are_gone
            the_end_of_a_wait_falls_due
            events_follow_the_order_of_commits
            an_engine_that_is_alone_sees_its_own_events
            what_is_due_comes_in_order
            what_ended_is_no_longer_due
            everybody_related_is_found
            a_superseded_invitation_stays_as_past
            steps_of_one_commit_each_leave_their_past
            a_removed_relation_leaves_no_line
            a_relation_made_and_removed_in_one_commit_was_never_there
            a_removed_member_can_come_back
            erasing_lists_leaves_those_of_others
            old_claims_are_forgotten
            history_is_scanned_and_removed
            a_scan_has_every_record_once
            what_is_scanned_can_be_restored
            every_legal_id_is_kept_apart
            rows_may_be_big
            a_commit_may_carry_hundreds_of_relations
        }
        $crate::conformance_suite! {
            @cases $block_on, $open, documents;
            a_document_that_moved_is_a_conflict
            documents_are_paged_by_key
            due_documents_come_in_order
            documents_commit_with_everything_else
            erasing_a_member_takes_their_documents
        }

        #[test]
        fn random_histories_look_like_the_model() {
            $crate::conformance::history::play_random(|history| {
                let block_on = $block_on;
                block_on(async {
                    let (store, _kept) = $open().await;
                    history.play(store).await
                })
            });
        }
    };
    (@cases $block_on:expr, $open:expr, $module:ident; $($case:ident)*) => {
        $(
            #[test]
            fn $case() -> $crate::StoreResult<()> {
                let block_on = $block_on;
                block_on(async {
                    let (store, _kept) = $open().await;
                    $crate::conformance::$module::$case(store).await
                })
            }
        )*
    };
}
