# Installs the seccomp profile in file $1 as $3 below $2, the kubelet's directory on the node, if its
# sha256 is $4: whole or not at all, however many pods on the node do so at once.
set -eu
umask 022
fail() { echo "install-seccomp: $*" >&2; exit 1; }
digest_of() { sha256sum <"$1" 2>/dev/null | cut -d ' ' -f 1; }
owner_and_mode() { stat -c '%u:%g %A' "$1" 2>/dev/null || echo nothing; }
# A symbolic link would lead elsewhere for the kubelet than for this container.
check_directory() {
  case $(owner_and_mode "$1") in
    '0:0 d'????-??-?) ;;
    *65534*) fail "$1: belongs to an id of the host that no pod has, $(owner_and_mode "$1") here (expected 0:0, and a node with id-mapped mounts: Linux 6.3 or later)" ;;
    *) fail "$1: is $(owner_and_mode "$1") (expected a directory of 0:0 that only its owner may write to, and no link)" ;;
  esac
}
# What a program said as file $1 could not be $2: $3. Where that tells nothing of it, $4 would be right.
fail_as_said() {
  case $3 in
    *ead-only*) fail "$1: cannot be $2: ${3##*: } (expected a directory that is not mounted read-only)" ;;
    *'No space'* | *uota*) fail "$1: cannot be $2: ${3##*: } (expected free space)" ;;
    *) fail "$1: cannot be $2: ${3##*: } (expected $4)" ;;
  esac
}

source=$1 directory=$2 rest=$3 digest=$4
check_directory "$directory"
while [ "$rest" != "${rest#*/}" ]; do
  directory=$directory/${rest%%/*} rest=${rest#*/}
  [ -e "$directory" ] || [ -L "$directory" ] || said=$(mkdir "$directory" 2>&1) || [ -d "$directory" ] ||
    fail_as_said "$directory" made "$said" 'a node with id-mapped mounts: Linux 6.3 or later'
  check_directory "$directory"
done
target=$directory/$rest
# Runs that were killed leave theirs behind. No run takes ten minutes: a younger one may be at work.
find "$directory" -maxdepth 1 -type f -name '.install-seccomp.??????' -mmin +10 -exec rm -f {} \; 2>/dev/null || :

# First, whatever the source is: after a reboot it may be of a newer release than this pod.
if [ "$(owner_and_mode "$target")" = '0:0 -rw-r--r--' ] && [ "$(digest_of "$target")" = "$digest" ]; then
  echo "install-seccomp: $target is up to date"
  exit 0
fi
[ ! -d "$source" ] || fail "$source: is a directory (expected the profile in the ConfigMap or annotation)"
[ -s "$source" ] || fail "$source: missing or empty (expected the profile in the ConfigMap or annotation)"
[ -L "$target" ] || [ ! -d "$target" ] || fail "$target: is a directory (expected a file, or nothing yet)"
temporary=$(mktemp "$directory/.install-seccomp.XXXXXX" 2>&1) ||
  fail_as_said "$directory" written "$temporary" 'a writable directory with id-mapped mounts'
trap 'rm -f "$temporary"' EXIT
trap 'exit 1' HUP INT TERM
said=$(cp "$source" "$temporary" 2>&1) || fail_as_said "$temporary" written "$said" 'free space'
# Of the copy: the source may change meanwhile.
found=$(digest_of "$temporary")
[ "$found" = "$digest" ] ||
  fail "$source: sha256 is $found, of another release or changed by someone (expected $digest:" \
    "code-executor-webhook profile -o configmap -n NAMESPACE | kubectl apply -f -)"
chmod 0644 "$temporary"
[ ! -L "$target" ] || rm -f "$target" 2>/dev/null || :  # mv does not replace a link to a directory
if ! said=$(mv -fT "$temporary" "$target" 2>&1); then
  case $(owner_and_mode "$target") in
    *65534*) fail "$target: belongs to an id of the host that no pod has, $(owner_and_mode "$target") here (expected 0:0: remove it on the node)" ;;
    *) fail_as_said "$target" replaced "$said" 'a file' ;;
  esac
fi
echo "install-seccomp: installed $target"
