# Installs the seccomp profile in file $1 as $3 below $2, the kubelet's directory on the node, if its
# sha256 is $4: whole or not at all, however many pods on the node do so at once.
set -eu
umask 022
fail() { echo "install-seccomp: $*" >&2; exit 1; }
digest_of() { sha256sum <"$1" 2>/dev/null | cut -d ' ' -f 1; }
owner_and_mode() { stat -c '%u:%g %A' "$1" 2>/dev/null || echo nothing; }

source=$1 directory=$2 rest=$3 digest=$4
# A symbolic link here would lead elsewhere for the kubelet than for this container.
while [ "$rest" != "${rest#*/}" ]; do
  directory=$directory/${rest%%/*} rest=${rest#*/}
  [ -e "$directory" ] || [ -L "$directory" ] || mkdir "$directory" 2>/dev/null || [ -d "$directory" ] ||
    fail "$directory: cannot be made (expected a node with id-mapped mounts: Linux 6.3 or later)"
  case $(owner_and_mode "$directory") in
    '0:0 d'????-??-?) ;;
    *) fail "$directory: is $(owner_and_mode "$directory") (expected a directory of 0:0 that only its owner may write to, and no link)" ;;
  esac
done
target=$directory/$rest
# Runs that were killed leave theirs behind. No run takes ten minutes: a younger one may be at work.
find "$directory" -maxdepth 1 -type f -name '.install-seccomp.??????' -mmin +10 -exec rm -f {} \; 2>/dev/null || :

# First, whatever the source is: after a reboot it may be of a newer release than this pod.
if [ "$(owner_and_mode "$target")" = '0:0 -rw-r--r--' ] && [ "$(digest_of "$target")" = "$digest" ]; then
  echo "install-seccomp: $target is up to date"
  exit 0
fi
[ -s "$source" ] || fail "$source: missing or empty (expected the profile in the ConfigMap or annotation)"
[ -L "$target" ] || [ ! -d "$target" ] || fail "$target: is a directory (expected a file, or nothing yet)"
temporary=$(mktemp "$directory/.install-seccomp.XXXXXX" 2>/dev/null) ||
  fail "$directory: cannot be written (expected a writable directory with id-mapped mounts)"
trap 'rm -f "$temporary"' EXIT
trap 'exit 1' HUP INT TERM
cp "$source" "$temporary" 2>/dev/null || fail "$temporary: cannot be written (expected free space)"
# Of the copy: the source may change meanwhile.
found=$(digest_of "$temporary")
[ "$found" = "$digest" ] ||
  fail "$source: sha256 is $found, of another release or changed by someone (expected $digest:" \
    "code-executor-webhook profile -o configmap -n NAMESPACE | kubectl apply -f -)"
chmod 0644 "$temporary"
[ ! -L "$target" ] || rm -f "$target" 2>/dev/null || :  # mv does not replace a link to a directory
if ! mv -fT "$temporary" "$target" 2>/dev/null; then
  case $(owner_and_mode "$target") in
    *65534*) fail "$target: belongs to an id of the host that no pod has, $(owner_and_mode "$target") here (expected 0:0: remove it on the node)" ;;
    *) fail "$target: cannot be replaced (expected a file)" ;;
  esac
fi
echo "install-seccomp: installed $target"
