#!/usr/bin/env bash
# Installs a build into a fresh folder, moves that folder, and builds and runs a user's program against it, found first
# by CMake's find_package, then by pkg-config; and one of NCCL's. usage: run.sh BUILD_DIRECTORY
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(realpath "$1")
scratch=$build/package-test
rm -rf "$scratch"
mkdir -p "$scratch"

cmake --install "$build" --prefix "$scratch/first" >"$scratch/install.log"
mv "$scratch/first" "$scratch/prefix"
prefix=$scratch/prefix
libraries=$(dirname "$(find "$prefix" -name 'libstretto.so')")
[[ $(readlink "$libraries/libstretto.so") == libstretto.so.0 ]]
if grep -rl "$scratch/first\|$build" "$prefix" --include='*.cmake' --include='*.pc' --include='*.h' --include='*.hpp'; then
  echo "package: the files above name the folder that they were built in or first installed to" >&2
  exit 1
fi

# The installed programs load the installed library.
[[ $("$prefix/bin/stretto" version) == *0.1.0* ]]
for tool in "$prefix"/libexec/stretto/*_perf; do
  if [[ -e $tool ]]; then "$tool" --help >/dev/null; fi
done

cmake -S "$here" -B "$scratch/cmake" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/cmake.log"
cmake --build "$scratch/cmake"
"$scratch/cmake/user_c"
"$scratch/cmake/user_cpp"

export PKG_CONFIG_PATH=$libraries/pkgconfig
read -ra flags <<<"$(pkg-config --cflags --libs stretto)"
cc -std=c99 -Wall -Wextra -Wpedantic -Werror "$here/user.c" "${flags[@]}" "-Wl,-rpath,$libraries" -o "$scratch/user_pc"
"$scratch/user_pc"
[[ $(pkg-config --modversion stretto) == "$("$scratch/user_pc" --version)" ]]

# NCCL's interface lies apart, and finds the library from there.
nccl=$libraries/stretto/nccl
[[ $(readlink "$nccl/libnccl.so") == libnccl.so.2 ]]
cc -std=c99 -Wall -Wextra -Wpedantic -Werror "$here/nccl_user.c" -I "$prefix/include/stretto/nccl" -L "$nccl" -lnccl \
  "-Wl,-rpath,$nccl,-rpath-link,$libraries" -o "$scratch/nccl_user"
STRETTO_TEST_NCCL_HOST=1 "$scratch/nccl_user"
# Beside the library, wherever that is; and preloaded.
mkdir "$scratch/elsewhere"
cp "$nccl/libnccl.so.2" "$libraries/libstretto.so.0" "$scratch/elsewhere/"
STRETTO_TEST_NCCL_HOST=1 LD_LIBRARY_PATH=$scratch/elsewhere "$scratch/nccl_user"
STRETTO_TEST_NCCL_HOST=1 LD_PRELOAD=$nccl/libnccl.so.2 "$scratch/nccl_user"
echo "package: found by CMake and by pkg-config, in C and in C++"
