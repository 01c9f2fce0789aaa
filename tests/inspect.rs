//! What a component is, and what a new version of it changes, as the command shows it.

use perfbox::Digest;
use serde_json::json;

use crate::support::{Dir, Ran, assert_golden, example_package, from_wat};

/// With `old.wasm` and `new.wasm`, two versions of a plugin.
fn two_versions() -> Dir {
    let dir = Dir::new();
    dir.write("old.wasm", from_wat("asks-little"));
    dir.write("new.wasm", from_wat("asks-much"));
    dir
}

/// Its output, in which no character moves a cursor, with the digests of both versions
/// under their names.
fn shown(ran: &Ran) -> String {
    let harms = |line: &str| perfbox::escape(line) != line;
    assert!(!ran.stdout.lines().any(harms), "{ran:?}");
    let named = [("OLD", "asks-little"), ("NEW", "asks-much")];
    named.iter().fold(ran.stdout.clone(), |text, (name, wat)| {
        text.replace(&Digest::of(&from_wat(wat)).to_string(), &format!("sha256:{name}"))
    })
}

#[test]
fn what_a_component_asks_for_is_shown_with_what_it_gets() {
    let dir = two_versions();
    assert_golden("inspect.txt", &shown(&dir.expect(0, "plugins inspect new.wasm")));
}

#[test]
fn json_of_an_inspection_is_exact() {
    let dir = two_versions();
    let inspected = dir.expect(0, "plugins inspect new.wasm --json").json();
    let bytes = from_wat("asks-much");
    assert_eq!(inspected["file"], "new.wasm");
    assert_eq!(inspected["size_bytes"], bytes.len());
    assert_eq!(inspected["digest"], Digest::of(&bytes).to_string());
    assert_eq!(inspected["contract_versions"], json!(["0.2.0"]));
    assert_eq!(inspected["is_for_this_host"], true);
    assert_eq!(inspected["worlds"], json!(["hook", "processor"]));
    assert_eq!(inspected["categories"], json!(["phase_hook", "post_processor"]));
    assert_eq!(inspected["imports"].as_array().unwrap().len(), 12);
    assert_eq!(inspected["exports"].as_array().unwrap().len(), 2);
    let abilities = inspected["abilities"].as_array().unwrap();
    let grants: Vec<_> =
        abilities.iter().map(|one| json!([one["ability"], one["grant"]])).collect();
    assert_eq!(
        grants,
        [
            json!(["log", "granted"]),
            json!(["batches", "granted"]),
            json!(["random", "granted"]),
            json!(["filesystem", "granted"]),
            json!(["environment", "empty"]),
            json!(["stdio", "granted"]),
            json!(["sockets", "denied"]),
            json!(["http", "refused"]),
            json!(["import acme:secrets/vault\u{1b}[31m@1.0.0", "refused"]),
            json!(["import sockets", "refused"]),
        ]
    );
    let sockets = abilities.iter().find(|one| one["ability"] == "sockets").unwrap();
    assert_eq!(sockets["imports"], json!(["wasi:sockets/tcp@0.2.6", "wasi:sockets/udp@0.2.6"]));
    assert_eq!(inspected["offers_problem"], json!(null));
    assert_eq!(
        inspected["offers"],
        json!([
            {"category": "phase_hook", "identifier": "tell", "description": "", "config_params": []},
            {"category": "post_processor", "identifier": "audit",
             "description": "Audits\u{1b}[2J records",
             "config_params": [
                {"name": "limit", "type": "float", "default": 5.0, "required": false,
                 "choices": [], "min": null, "max": null, "description": "Longest latency, in ms"},
                {"name": "paths", "type": "list<string>", "default": ["a\n"], "required": false,
                 "choices": [], "min": null, "max": null, "description": "\u{202e}elif"},
             ]},
        ])
    );
    assert_eq!(
        inspected["metadata"],
        json!({
            "name": "acme-audit", "version": "2.0.0\nok", "authors": "Acme <tools@acme.example>",
            "source": "https://acme.example/audit",
        })
    );
}

#[test]
fn a_component_that_is_no_plugin_is_inspected_all_the_same() {
    let dir = Dir::new();
    for (wat, problem, contract) in [
        ("no-interface", "exports none of the interfaces perfbox:plugin/phase-hook", json!([])),
        ("broken-section", "has an invalid `perfbox:offers` section: ", json!([])),
    ] {
        dir.write("x.wasm", from_wat(wat));
        let inspected = dir.expect(0, "plugins inspect x.wasm --json").json();
        let words = inspected["offers_problem"].as_str().unwrap();
        assert!(words.starts_with(problem), "{words}");
        assert_eq!(inspected["contract_versions"], contract);
        assert_eq!(inspected["is_for_this_host"], false);
        let text = dir.expect(0, "plugins inspect x.wasm").stdout;
        assert!(text.contains(&format!("Offers nothing: it {problem}")), "{text}");
        assert!(text.contains("none: not for this perfbox"), "{text}");
    }
    dir.write("x.wasm", from_wat("newer-contract"));
    let text = dir.expect(0, "plugins inspect x.wasm").stdout;
    assert!(text.contains("0.3.0: not for this perfbox, which refuses to load it"), "{text}");
}

#[test]
fn a_component_built_by_cargo_says_what_its_manifest_says() {
    let dir = Dir::new();
    let built = example_package().join("example-plugin/example_plugin.wasm");
    let built = std::fs::read(built).unwrap();
    dir.write("any.wasm", built);
    let inspected = dir.expect(0, "plugins inspect any.wasm --json").json();
    let mut metadata = inspected["metadata"].clone();
    let producers = metadata.as_object_mut().unwrap().remove("producers").unwrap();
    assert_eq!(
        metadata,
        json!({
            "name": "example_plugin",
            "version": "1.0.0",
            "description": "Example plugin demonstrating perfbox extensibility patterns",
            "licenses": "Apache-2.0",
        })
    );
    let made_by = |name: &str| producers.as_array().unwrap().iter().any(|one| one["name"] == name);
    assert!(made_by("Rust") && made_by("rustc"), "{producers}");
    let offered = inspected["offers"].as_array().unwrap();
    assert_eq!(offered.len(), 4, "{offered:?}");
}

#[test]
fn what_a_new_version_asks_for_more_comes_first() {
    let dir = two_versions();
    let ran = dir.expect(0, "plugins diff old.wasm new.wasm");
    assert_golden("diff.txt", &shown(&ran));
}

#[test]
fn json_of_a_difference_is_exact() {
    let dir = two_versions();
    let diff = dir.expect(0, "plugins diff old.wasm new.wasm --json").json();
    assert_eq!(diff["is_identical"], false);
    for (side, file, wat) in [("old", "old.wasm", "asks-little"), ("new", "new.wasm", "asks-much")]
    {
        let bytes = from_wat(wat);
        let digest = Digest::of(&bytes).to_string();
        assert_eq!(diff[side], json!({"file": file, "size_bytes": bytes.len(), "digest": digest}));
    }
    let vault = "import acme:secrets/vault\u{1b}[31m@1.0.0";
    assert_eq!(
        diff["abilities"],
        json!({
            "added": ["random", "filesystem", "environment", "stdio", "sockets", "http", vault,
                      "import sockets"],
            "removed": ["clocks"],
        })
    );
    assert_eq!(diff["imports"]["removed"], json!(["wasi:clocks/wall-clock@0.2.6"]));
    assert_eq!(
        diff["exports"],
        json!({"added": ["perfbox:plugin/phase-hook@0.2.0"], "removed": []})
    );
    assert_eq!(diff["contract_versions"], json!({"added": [], "removed": []}));
    assert_eq!(
        diff["offers"],
        json!([
            {"name": "phase_hook/tell", "old": null, "new": ""},
            {"name": "post_processor/audit", "old": "Audits records",
             "new": "Audits\u{1b}[2J records"},
        ])
    );
    let params: Vec<_> = diff["parameters"].as_array().unwrap().iter().collect();
    assert_eq!(params.len(), 3);
    assert_eq!(params[0]["name"], "post_processor/audit.label");
    assert_eq!((&params[0]["old"]["required"], &params[0]["new"]), (&json!(true), &json!(null)));
    assert_eq!(
        (&params[1]["old"]["default"], &params[1]["new"]["default"]),
        (&json!(2.5), &json!(5.0))
    );
    assert_eq!(
        diff["metadata"],
        json!([
            {"name": "licenses", "old": "MIT", "new": null},
            {"name": "source", "old": null, "new": "https://acme.example/audit"},
            {"name": "version", "old": "1.0.0", "new": "2.0.0\nok"},
        ])
    );
}

#[test]
fn identical_files_are_said_to_be_so() {
    let dir = two_versions();
    dir.write("copy.wasm", from_wat("asks-little"));
    let text = shown(&dir.expect(0, "plugins diff old.wasm copy.wasm"));
    assert_eq!(text, "old.wasm and copy.wasm are identical: sha256:OLD\n");
    let diff = dir.expect(0, "plugins diff old.wasm copy.wasm --json").json();
    assert_eq!(diff["is_identical"], true);
    assert_eq!(diff["abilities"], json!({"added": [], "removed": []}));
}

#[test]
fn other_code_alone_is_said_to_be_all_that_differs() {
    let dir = Dir::new();
    let component =
        |code: &str| wat::parse_str(format!("(component (core module (func {code})))")).unwrap();
    dir.write("old.wasm", component(""));
    dir.write("new.wasm", component("nop"));
    let text = dir.expect(0, "plugins diff old.wasm new.wasm").stdout;
    assert!(text.contains("\nOnly the code differs: "), "{text}");
}
