CREATE TABLE documents (
  member_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL CHECK (key <> ''),
  version bigint NOT NULL CHECK (version > 0),
  due_at timestamptz,
  body json NOT NULL,
  PRIMARY KEY (member_id, kind, key)
);

CREATE INDEX documents_due ON documents (kind, due_at, member_id, key) WHERE due_at IS NOT NULL;

COMMENT ON TABLE documents IS 'What features keep beside the network: plans, endpoints, deliveries.';
COMMENT ON COLUMN documents.member_id IS 'Whose it is; empty for the host''s own.';
COMMENT ON COLUMN documents.kind IS 'What it is.';
COMMENT ON COLUMN documents.key IS 'Which of them.';
COMMENT ON COLUMN documents.version IS 'How often it was written.';
COMMENT ON COLUMN documents.due_at IS 'When a server has to look at it.';
COMMENT ON COLUMN documents.body IS 'What it says.';
