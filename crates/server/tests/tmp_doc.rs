#[test]
fn dump() { std::fs::write("/tmp/openapi.json", acquaint_server::openapi().to_pretty_json().unwrap()+"\n").unwrap(); }
