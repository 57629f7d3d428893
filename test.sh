#!/usr/bin/env bash
# Runs every test on every database engine, and against a real mail server:  ./test.sh [ARGUMENTS OF go test]
#
# All it needs is Go and, where MariaDB or aiosmtpd is missing, Debian's apt. MariaDB runs privately: on a
# free port, with its own data folder, both gone afterwards. SELLTHROUGH_TEST_MYSQL=mysql://user:password@host:port/
# names a server to use instead (its user must be allowed to create databases), SELLTHROUGH_TEST_SMTP a Python
# that has aiosmtpd.
# A run of everything fails if no MariaDB test passed, or none with the mail server: nothing is skipped in silence.
set -euo pipefail
cd "$(dirname "$0")"
PATH=$PATH:/usr/sbin # where Debian keeps mariadbd, and an ordinary user's PATH doesn't lead

work=$(mktemp -d "${TMPDIR:-/tmp}/sellthrough-test.XXXXXX")
server=
finish() {
	if [[ -n $server ]]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# install PACKAGE INSTEAD installs a package of Debian's; INSTEAD is the variable that makes it unnecessary.
install() {
	echo "test.sh: installing $1 (Debian's package)"
	local root=()
	[[ $(id -u) == 0 ]] || root=(sudo)
	if ! command -v apt-get >/dev/null || { [[ ${#root[@]} -gt 0 ]] && ! command -v sudo >/dev/null; }; then
		echo "test.sh: $1 is missing. Install it (apt-get install $1), or name another in $2." >&2
		return 1
	fi
	{
		"${root[@]}" apt-get update &&
			"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1"
	} >"$work/apt.log" 2>&1 </dev/null || { cat "$work/apt.log" >&2; return 1; }
}

# start_mariadb starts a private server, sets $server to its process id and exports its URL.
start_mariadb() {
	command -v mariadbd >/dev/null || install mariadb-server SELLTHROUGH_TEST_MYSQL
	local user options port
	user=$(id -un)
	options=(--no-defaults "--user=$user" "--datadir=$work/data")
	mariadb-install-db "${options[@]}" --auth-root-authentication-method=normal --skip-test-db \
		>"$work/install.log" 2>&1 || { cat "$work/install.log" >&2; return 1; }
	for _ in 1 2 3 4 5; do # another program may take the port between choosing and binding it
		port=$((20000 + RANDOM % 12000))
		mariadbd "${options[@]}" --bind-address=127.0.0.1 --port="$port" --socket="$work/socket" \
			--pid-file="$work/pid" --local-infile=1 --skip-name-resolve --performance-schema=OFF \
			--innodb-buffer-pool-size=512M --max-connections=500 >"$work/server.log" 2>&1 </dev/null &
		server=$!
		while kill -0 "$server" 2>/dev/null; do
			if mariadb-admin --no-defaults --socket="$work/socket" --user=root ping >/dev/null 2>&1; then
				export SELLTHROUGH_TEST_MYSQL="mysql://root@127.0.0.1:$port/"
				return
			fi
			sleep 0.1
		done
	done
	cat "$work/server.log" >&2
	echo "test.sh: MariaDB did not start." >&2
	return 1
}

[[ -n ${SELLTHROUGH_TEST_MYSQL:-} ]] || start_mariadb
if [[ -z ${SELLTHROUGH_TEST_SMTP:-} ]]; then
	export SELLTHROUGH_TEST_SMTP=/usr/bin/python3 # Debian's, whatever else is in the PATH
	"$SELLTHROUGH_TEST_SMTP" -c 'import aiosmtpd' 2>/dev/null || install python3-aiosmtpd SELLTHROUGH_TEST_SMTP
fi

packages=(./...) everything=yes
for argument in "$@"; do
	case $argument in
	./*) packages=() everything=no ;;
	-run* | -skip* | -list* | --run* | --skip* | --list*) everything=no ;;
	esac
done

# gotestsum prints go test's own lines and keeps the record in which the MariaDB tests are counted.
status=0
CGO_ENABLED=${CGO_ENABLED:-0} go tool gotestsum --format standard-quiet --jsonfile "$work/tests.json" -- \
	-timeout 20m "${packages[@]}" "$@" || status=$?

# storetest names each engine's subtest after its dialect: TestX/mysql.
passed=$(grep -cE '"Action":"pass",.*"Test":"[^"]*/mysql["/]' "$work/tests.json" || true)
echo "test.sh: $passed MariaDB tests passed"
if [[ $everything == yes && $passed == 0 ]]; then
	echo "test.sh: the MariaDB suite did not run" >&2
	exit 1
fi
delivered=$(grep -cE '"Action":"pass",.*"Test":"[^"]*/aiosmtpd"' "$work/tests.json" || true)
echo "test.sh: $delivered tests with a real mail server passed"
if [[ $everything == yes && $delivered == 0 ]]; then
	echo "test.sh: the mails were sent to no real server" >&2
	exit 1
fi
if grep -E '"Action":"skip",.*"Test":' "$work/tests.json"; then
	echo "test.sh: these tests were skipped, which no test may be" >&2
	exit 1
fi
exit "$status"
