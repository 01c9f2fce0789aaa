//! Generates the contract's name, version and interfaces from `wit/`.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use wit_parser::{Resolve, TypeDefKind};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=wit");
    let mut resolve = Resolve::new();
    let (package, _) = resolve.push_dir("wit").expect("wit/ is a valid WIT package");
    let package = &resolve.packages[package];
    let name = format!("{}:{}", package.name.namespace, package.name.name);
    let version = package.name.version.as_ref().expect("the package line in wit/ has a version");

    let mut code = format!(
        "/// Package of the contract's interfaces.\n\
         pub const CONTRACT_PACKAGE: &str = {name:?};\n\
         /// Version of the contract that this host implements.\n\
         pub const CONTRACT_VERSION: &str = \"{version}\";\n\
         /// Each interface of the contract with its resources and functions.\n\
         const INTERFACES: &[(&str, &[&str])] = &[\n"
    );
    for (interface, id) in &package.interfaces {
        let interface_items = &resolve.interfaces[*id];
        let is_resource = |kind: &TypeDefKind| matches!(kind, TypeDefKind::Resource);
        let resources =
            interface_items.types.iter().filter(|(_, id)| is_resource(&resolve.types[**id].kind));
        let items: Vec<&String> =
            resources.map(|(name, _)| name).chain(interface_items.functions.keys()).collect();
        writeln!(code, "({:?}, &{items:?}),", format!("{name}/{interface}")).unwrap();
    }
    code.push_str("];\n");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("contract.rs"), code).expect("OUT_DIR is writable");
}
