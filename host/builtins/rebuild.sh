#!/usr/bin/env bash
# Builds the builtins' component from plugins/ and records what it was built from.
#
#   rebuild.sh           writes prebuilt/builtins.wasm and prebuilt/SOURCES
#   rebuild.sh --check   fails unless a build gives exactly what lies in prebuilt/
#
# Needs the target wasm32-wasip2: `rustup target add wasm32-wasip2`. The same sources,
# dependencies and standard library give the same bytes in any directory.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

readonly TARGET=wasm32-wasip2
readonly PACKAGE=perfbox-builtin-plugins
prebuilt=host/builtins/prebuilt
target_dir=${CARGO_TARGET_DIR:-target}/builtins
built=$target_dir/$TARGET/guest/perfbox_builtin_plugins.wasm

# The compiler and the standard library that the component is linked with.
toolchain() {
    local library
    library=$(rustc --print target-libdir --target "$TARGET")
    rustc --version
    printf 'std %s\n' "$(cat "$library"/libstd-*.rlib "$library"/libcore-*.rlib "$library"/liballoc-*.rlib | sha256sum | cut -d' ' -f1)"
}

# The sources' digests, then the versions and features of everything from a registry.
sources() {
    find host/builtins/plugins guest-sdk/Cargo.toml guest-sdk/src wit -type f -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum
    cargo tree --locked --package "$PACKAGE" --target "$TARGET" --edges normal,build --prefix none --format '{p} [{f}]' |
        grep -v '(/' | sed 's/ (\*)$//; s/ (proc-macro)//' | LC_ALL=C sort -u
}

record() {
    echo '# What builtins.wasm was built from, as `rebuild.sh` writes it.'
    toolchain
    sources
}

case ${1:-} in
'' | --check) ;;
*)
    echo "rebuild.sh: unknown argument \`$1\`; give none, or --check" >&2
    exit 2
    ;;
esac

# Paths that the compiler writes into panic messages must not depend on the machine.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
export CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$PWD=perfbox"$'\x1f'"--remap-path-prefix=$cargo_home=cargo"
unset RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
if ! [ -d "$(rustc --print target-libdir --target "$TARGET")" ]; then
    echo "rebuild.sh: the target is missing; run \`rustup target add $TARGET\`" >&2
    exit 1
fi
cargo build --locked --package "$PACKAGE" --profile guest --target "$TARGET" --target-dir "$target_dir"

if [ "${1:-}" != --check ]; then
    mkdir -p "$prebuilt"
    cp "$built" "$prebuilt/builtins.wasm"
    record >"$prebuilt/SOURCES"
    echo "$prebuilt/builtins.wasm: $(wc -c <"$prebuilt/builtins.wasm") bytes"
    exit 0
fi

expected=$(mktemp)
trap 'rm -f -- "$expected"' EXIT
record >"$expected"
if ! diff <(grep -v '^rustc \|^std ' "$prebuilt/SOURCES") <(grep -v '^rustc \|^std ' "$expected"); then
    echo "rebuild.sh: $prebuilt was built from other sources; run host/builtins/rebuild.sh" >&2
    exit 1
fi
if ! cmp -s <(grep '^rustc \|^std ' "$prebuilt/SOURCES") <(grep '^rustc \|^std ' "$expected"); then
    echo "rebuild.sh: this toolchain is not the one that built $prebuilt, so only the sources were compared:"
    diff <(grep '^rustc \|^std ' "$prebuilt/SOURCES") <(grep '^rustc \|^std ' "$expected") || true
    exit 0
fi
if ! cmp "$built" "$prebuilt/builtins.wasm"; then
    echo "rebuild.sh: the same sources gave another component; run host/builtins/rebuild.sh and see what is different" >&2
    exit 1
fi
echo "$prebuilt/builtins.wasm is what its sources give"
