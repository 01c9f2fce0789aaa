#!/usr/bin/env bash
# Builds the component and lays it with registry.yaml as a package, DEST/<name>/. The
# names of the package and of the component are those in registry.yaml.
#
#   package.sh [DEST]     DEST: a plugins directory; default: `plugins` in cargo's target directory
#
# A package is complete or absent: it is put together aside, then moved.
set -euo pipefail

fail() {
    echo "package.sh: $*" >&2
    exit 1
}

# Makes a directory and prints its absolute path.
directory() {
    mkdir -p -- "$1"
    (cd -- "$1" && pwd)
}

# Relative paths are the caller's; cargo and rustup look at the working directory.
[[ $# -le 1 ]] || fail "takes one directory, not $#"
dest=${1:+$(directory "$1")}
if [[ -n ${CARGO_TARGET_DIR:-} ]]; then
    CARGO_TARGET_DIR=$(directory "$CARGO_TARGET_DIR")
    export CARGO_TARGET_DIR
fi
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

name=$(sed -n 's/^  name: *\([a-z0-9_-]*\).*/\1/p' registry.yaml)
component=$(sed -n 's/^ *component: *\([A-Za-z0-9_.-]*\).*/\1/p' registry.yaml | sort -u)
[[ $name =~ ^[a-z0-9_-]+$ ]] || fail "registry.yaml names no package"
[[ $component =~ ^[A-Za-z0-9_-]+\.wasm$ ]] || fail "registry.yaml does not name one component: ${component:-none}"

target=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
dest=${dest:-$(directory "$target/plugins")}
package=$dest/$name

# Only a package is replaced: a DEST given by mistake may hold this source folder.
others=$(find "$package" -mindepth 1 ! -name "$component" ! -name registry.yaml -print -quit 2>/dev/null || true)
[[ -z $others ]] || fail "$package is not a package of this script, it holds $others; choose another DEST"

cargo build --release --target wasm32-wasip2

staging=$(mktemp -d "$dest/.$name.XXXXXX")
trap 'rm -rf -- "$staging"' EXIT
chmod 755 "$staging"
# The manifest last: without it, a directory is no package.
install -m 644 "$target/wasm32-wasip2/release/$component" "$staging/"
install -m 644 registry.yaml "$staging/"
rm -rf -- "$package"
mv -- "$staging" "$package"
echo "$package"
