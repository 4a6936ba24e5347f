# script/builds.sh: the builds that script/test and script/compare make, one folder each under build/. To be sourced, in
# the project's root folder.

builds="plain hard asan tsan clang release"
builds_long="$builds asan-clang tsan-clang"

# The compiler and the options of a build. A sanitizer's findings end a program with a failure, and nothing is suppressed.
compiler_of() { case $1 in *clang) echo clang ;; *) echo gcc ;; esac; }
options_of()
{
	case $1 in
	plain | clang) echo "-Dstress=enabled" ;;
	hard) echo "-Dstress=disabled -Dhard=true" ;;
	asan*) echo "-Dstress=disabled -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false" ;;
	tsan*) echo "-Dstress=disabled -Doptimization=1 -Db_sanitize=thread -Db_lundef=false" ;;
	release) echo "-Dstress=enabled -Dbuildtype=release -Dassertions=false" ;;
	esac
}

# configure BUILD [OPTION...]: makes build/BUILD ready for ninja, unless it is. What meson says goes to a log in it.
configure()
{
	local folder=build/$1 options
	options="$(compiler_of "$1") $(options_of "$1") ${*:2}"
	[ -e "$folder/build.ninja" ] && [ "$(cat "$folder/options" 2>/dev/null)" = "$options" ] && return
	[ -e "$folder/build.ninja" ] || rm -rf "$folder"
	mkdir -p "$folder"
	if [ -e "$folder/build.ninja" ]; then
		meson configure "$folder" ${options#* } >"$folder/configure.log" 2>&1 || return
	else
		CC=${options%% *} meson setup "$folder" ${options#* } >"$folder/configure.log" 2>&1 || return
	fi
	echo "$options" >"$folder/options"
}
