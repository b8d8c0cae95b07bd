# Installs seccomp profile $1 as $2 for the kubelet: whole or not at all, however many pods on the
# node do so at once.
set -eu
fail() { echo "install-seccomp: $*" >&2; exit 1; }

source=$1 target=$2
[ -s "$source" ] || fail "$source: missing or empty (expected the profile in the ConfigMap or annotation)"
if cmp -s "$source" "$target"; then
  echo "install-seccomp: $target is up to date"
  exit 0
fi
[ ! -d "$target" ] || fail "$target: is a directory (expected a file, or nothing yet)"
mkdir -p "${target%/*}" 2>/dev/null || fail "${target%/*}: cannot be made (expected a node with id-mapped mounts: Linux 6.3 or later)"
temporary=$(mktemp "$target.XXXXXX" 2>/dev/null) || fail "${target%/*}: cannot be written (expected a writable directory with id-mapped mounts)"
trap 'rm -f "$temporary"' EXIT
trap 'exit 1' HUP INT TERM
cp "$source" "$temporary" 2>/dev/null || fail "$temporary: cannot be written (expected free space)"
chmod 0644 "$temporary"
mv "$temporary" "$target" 2>/dev/null || fail "$target: cannot be replaced (expected a file)"
echo "install-seccomp: installed $target"
