//! `registry.yaml`: refused in words that can be shown, or read into what stays within
//! its package, and is the same after it was kept in the index of manifests.
#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use perfbox::registry::Manifest;
use perfbox_fuzz::assert_can_be_shown;

fuzz_target!(|text: &str| {
    let manifest = match Manifest::parse(text, Path::new("registry.yaml")) {
        Ok(manifest) => manifest,
        Err(error) => return assert_can_be_shown(&error.to_string()),
    };
    assert!(!manifest.implementations.is_empty());
    assert_can_be_shown(manifest.name.as_str());
    for one in &manifest.implementations {
        assert_can_be_shown(one.identifier.as_str());
        assert_can_be_shown(one.component.to_str().expect("it came from text"));
        let is_plain = |part| matches!(part, Component::Normal(_));
        assert!(one.component.components().all(is_plain), "{:?}", one.component);
        for param in one.params.iter().flatten() {
            assert_can_be_shown(&param.name.to_string());
            assert!(param.default.is_none() || !param.required);
        }
    }
    let kept = postcard::to_stdvec(&manifest).expect("it can be kept");
    assert_eq!(postcard::from_bytes::<Manifest>(&kept).expect("what was kept"), manifest);
});
