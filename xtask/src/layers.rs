//! The borders between the crates, checked against the graph that cargo resolves.
//!
//! Only normal dependencies count: a test may reach further than the crate it tests. Features are
//! resolved for the whole workspace at once, as in the shipped binary, so a feature that one crate
//! switches on counts for all that share the dependency.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use crate::Findings;

/// One crate of the workspace and its borders.
struct Layer {
    /// The package's name.
    package: &'static str,
    /// The crates of this workspace that it may name as dependencies. All others are refused.
    may_use: &'static [&'static str],
    /// Groups of packages that it must not reach, at any depth.
    never: &'static [&'static [&'static str]],
}

const ASYNC: &[&str] = &["tokio", "async-trait"];
const EMBEDDED: &[&str] = &["fjall"];
const POSTGRES: &[&str] = &["tokio-postgres", "deadpool"];
const HTTP: &[&str] = &["axum", "hyper", "hyper-util", "tower-http", "utoipa"];
const RANDOMNESS: &[&str] = &["rand", "getrandom", "fastrand"];

/// The rules. A crate without a row is refused, so a new crate begins by stating its borders here.
const LAYERS: &[Layer] = &[
    // Pure: no async, no I/O, no randomness; it builds without tokio.
    Layer { package: "acquaint-core", may_use: &[], never: &[ASYNC, EMBEDDED, POSTGRES, HTTP, RANDOMNESS] },
    // The port: knows no database and no caller.
    Layer { package: "acquaint-store", may_use: &["acquaint-core"], never: &[EMBEDDED, POSTGRES, HTTP] },
    // The embedded store: the one crate that knows fjall.
    Layer { package: "acquaint-store-fjall", may_use: &["acquaint-core", "acquaint-store"], never: &[POSTGRES, HTTP] },
    // The store for many machines: the one crate that knows PostgreSQL.
    Layer {
        package: "acquaint-store-postgres",
        may_use: &["acquaint-core", "acquaint-store"],
        never: &[EMBEDDED, HTTP],
    },
    // The engine and the use cases: any store, any caller.
    Layer {
        package: "acquaint-app",
        may_use: &["acquaint-core", "acquaint-store"],
        never: &[EMBEDDED, POSTGRES, HTTP],
    },
    // A person's own export of another network: knows the rules alone. (`zip` brings getrandom, for
    // writing encrypted archives.)
    Layer { package: "acquaint-linkedin", may_use: &["acquaint-core"], never: &[ASYNC, EMBEDDED, POSTGRES, HTTP] },
    // Plots: knows what is shown, and neither where it comes from nor who looks.
    Layer {
        package: "acquaint-plot",
        may_use: &["acquaint-core"],
        never: &[ASYNC, EMBEDDED, POSTGRES, HTTP, RANDOMNESS],
    },
    // Tells endpoints what happened: knows HTTP as a client, and no database.
    Layer {
        package: "acquaint-webhooks",
        may_use: &["acquaint-core", "acquaint-store", "acquaint-app"],
        never: &[EMBEDDED, POSTGRES, &["axum", "tower-http", "utoipa"]],
    },
    // Mails: knows what is told to whom, and how it leaves.
    Layer {
        package: "acquaint-mail",
        may_use: &["acquaint-core", "acquaint-store", "acquaint-app"],
        never: &[EMBEDDED, POSTGRES, HTTP],
    },
    // HTTP: translates, and knows no database.
    Layer {
        package: "acquaint-server",
        may_use: &[
            "acquaint-core",
            "acquaint-store",
            "acquaint-app",
            "acquaint-linkedin",
            "acquaint-plot",
            "acquaint-webhooks",
        ],
        never: &[EMBEDDED, POSTGRES],
    },
    // The binary puts the parts together, so it alone may use all of them.
    Layer {
        package: "acquaint-cli",
        may_use: &[
            "acquaint-core",
            "acquaint-store",
            "acquaint-store-fjall",
            "acquaint-store-postgres",
            "acquaint-app",
            "acquaint-linkedin",
            "acquaint-mail",
            "acquaint-plot",
            "acquaint-server",
            "acquaint-webhooks",
        ],
        never: &[],
    },
    // For tests alone: starts and breaks what they need, and knows nothing of ours.
    Layer { package: "acquaint-testkit", may_use: &[], never: &[ASYNC, EMBEDDED, POSTGRES, HTTP] },
    // This package: outside all layers.
    Layer { package: "xtask", may_use: &[], never: &[] },
];

/// The resolved packages by their id, as far as the rules need to know them.
#[derive(Default)]
struct Graph {
    packages: BTreeMap<String, Package>,
    /// The ids of the workspace's own packages.
    members: BTreeSet<String>,
}

struct Package {
    name: String,
    /// Ids of its normal dependencies.
    uses: Vec<String>,
}

/// Compares the workspace with [`LAYERS`].
pub(crate) fn check(root: &Path) -> Findings {
    let metadata =
        MetadataCommand::new().manifest_path(root.join("Cargo.toml")).exec().map_err(|error| error.to_string())?;
    Ok(violations(&graph(&metadata)?, LAYERS))
}

fn graph(metadata: &Metadata) -> Result<Graph, String> {
    let resolve = metadata.resolve.as_ref().ok_or("cargo metadata gave no resolved graph")?;
    let names: BTreeMap<_, _> =
        metadata.packages.iter().map(|package| (&package.id, package.name.to_string())).collect();
    let packages = resolve.nodes.iter().map(|node| {
        let uses = node
            .deps
            .iter()
            .filter(|dependency| {
                let mut kinds = dependency.dep_kinds.iter();
                kinds.any(|kind| kind.kind == DependencyKind::Normal)
            })
            .map(|dependency| dependency.pkg.repr.clone())
            .collect();
        let name = names.get(&node.id).cloned().unwrap_or_default();
        (node.id.repr.clone(), Package { name, uses })
    });
    let members = metadata.workspace_members.iter();
    Ok(Graph { packages: packages.collect(), members: members.map(|id| id.repr.clone()).collect() })
}

fn violations(graph: &Graph, layers: &[Layer]) -> Vec<String> {
    let mut found = Vec::new();
    for id in &graph.members {
        let Some(package) = graph.packages.get(id) else {
            continue;
        };
        let name = &package.name;
        let Some(layer) = layers.iter().find(|layer| layer.package == name) else {
            found.push(format!("{name} has no layer: say what it may depend on in xtask/src/layers.rs"));
            continue;
        };
        for used in package.uses.iter().filter(|id| graph.members.contains(*id)) {
            let used = graph.name(used);
            if !layer.may_use.contains(&used) {
                found.push(format!("{name} must not use {used}"));
            }
        }
        for (banned, path) in graph.reached(id, &layer.never.concat()) {
            let path = path.join(" → ");
            found.push(format!("{name} must not depend on {banned}: {path}"));
        }
    }
    for layer in layers {
        let known = |id: &String| graph.name(id) == layer.package;
        if !graph.members.iter().any(known) {
            found.push(format!("{} is not in the workspace: take its row out of xtask/src/layers.rs", layer.package));
        }
    }
    found
}

impl Graph {
    fn name(&self, id: &str) -> &str {
        self.packages.get(id).map_or("", |package| package.name.as_str())
    }

    /// Which of `banned` can be reached from `start`, each with a shortest path of names to it.
    fn reached<'a>(&'a self, start: &'a str, banned: &[&str]) -> BTreeMap<&'a str, Vec<&'a str>> {
        let mut found = BTreeMap::new();
        let mut seen = BTreeSet::from([start]);
        let mut queue = VecDeque::from([vec![start]]);
        while let Some(path) = queue.pop_front() {
            let Some(package) = path.last().and_then(|id| self.packages.get(*id)) else {
                continue;
            };
            if banned.contains(&package.name.as_str()) {
                let names = path.iter().map(|id| self.name(id)).collect();
                found.entry(package.name.as_str()).or_insert(names);
            }
            for used in &package.uses {
                if seen.insert(used) {
                    let mut longer = path.clone();
                    longer.push(used);
                    queue.push_back(longer);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[Layer] = &[
        Layer { package: "core", may_use: &[], never: &[ASYNC, RANDOMNESS] },
        Layer { package: "app", may_use: &["core"], never: &[EMBEDDED, POSTGRES] },
        Layer { package: "cli", may_use: &["core", "app"], never: &[] },
    ];

    /// A workspace of core, app and cli, and the given further edges between ids. A package's id
    /// is its name, with `@version` after it where two share the name.
    fn graph(edges: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::default();
        let sound = [("app", "core"), ("cli", "app"), ("cli", "fjall")];
        for (from, to) in sound.iter().chain(edges) {
            for id in [from, to] {
                let name = id.split('@').next().unwrap().to_owned();
                let uses = Vec::new();
                let package = Package { name, uses };
                graph.packages.entry((*id).to_owned()).or_insert(package);
            }
            let package = graph.packages.get_mut(*from).unwrap();
            package.uses.push((*to).to_owned());
        }
        graph.members = ["core", "app", "cli"].map(str::to_owned).into();
        graph
    }

    #[test]
    fn a_sound_graph_passes() {
        let none: Vec<String> = Vec::new();
        assert_eq!(violations(&graph(&[]), RULES), none);
        // The binary may reach what others may not.
        assert_eq!(violations(&graph(&[("cli", "tokio")]), RULES), none);
    }

    #[test]
    fn a_banned_package_is_found_at_any_depth_with_the_path_to_it() {
        let graph = graph(&[("core", "uuid"), ("uuid", "getrandom@0.4"), ("core", "tokio")]);
        assert_eq!(
            violations(&graph, RULES),
            [
                "core must not depend on getrandom: core → uuid → getrandom",
                "core must not depend on tokio: core → tokio",
            ]
        );
    }

    #[test]
    fn versions_of_one_package_are_kept_apart() {
        let graph = graph(&[("core", "hash@1"), ("cli", "hash@2"), ("hash@2", "getrandom")]);
        assert_eq!(violations(&graph, RULES), Vec::<String>::new());
    }

    #[test]
    fn a_crate_of_ours_is_refused_unless_it_is_named() {
        assert_eq!(violations(&graph(&[("core", "app")]), RULES), ["core must not use app"]);
    }

    #[test]
    fn what_is_reached_through_a_crate_of_ours_counts() {
        let found = violations(&graph(&[("core", "fjall")]), RULES);
        assert_eq!(found, ["app must not depend on fjall: app → core → fjall"]);
    }

    #[test]
    fn a_crate_without_a_row_and_a_row_without_a_crate_are_found() {
        let mut graph = graph(&[("new", "core")]);
        graph.members.insert("new".to_owned());
        graph.members.remove("cli");
        let found = violations(&graph, RULES);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("new has no layer"), "{found:?}");
        assert!(found[1].starts_with("cli is not in the workspace"), "{found:?}");
    }

    #[test]
    fn the_rules_hold_no_contradiction() {
        for layer in LAYERS {
            for name in layer.may_use.iter().chain(layer.never.concat().iter()) {
                assert_ne!(*name, layer.package);
            }
            for name in layer.may_use {
                assert!(LAYERS.iter().any(|other| other.package == *name), "{name}");
            }
        }
    }
}
