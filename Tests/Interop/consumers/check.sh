#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
#
# Makes two packages that depend on this checkout, as a user's would, builds them, and counts what they resolve:
# without traits no package but ours, with the trait HTTP just what HTTP needs. Prints "N passed, N failed".
#
#   check.sh               the one with the trait HTTP is resolved alone: it has BoringSSL and NIO to build
#   check.sh --build-all   both are built
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

check() { # STATEMENT COMMAND…
    local statement="$1"
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok     $statement"
    else
        failed=$((failed + 1))
        echo "FAILED $statement"
    fi
}

# The package's identity is the name of the folder that holds it.
identity="$(basename "$root")"

new_package() { # NAME TRAITS PRODUCTS
    local folder="$scratch/$1" product products=""
    for product in $3; do products+=".product(name: \"$product\", package: \"$identity\"), "; done
    mkdir -p "$folder/Sources/$1"
    cat > "$folder/Package.swift" << END
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "$1",
    platforms: [.macOS(.v15)],
    dependencies: [.package(path: "$root", traits: [$2])],
    targets: [.executableTarget(name: "$1", dependencies: [${products%, }])]
)
END
}

# What a package resolved, by name; nothing when there is no file, because SwiftPM writes none for nothing.
resolved() { # NAME
    local file="$scratch/$1/Package.resolved"
    [ ! -e "$file" ] || sed -n 's/.*"identity" : "\(.*\)".*/\1/p' "$file" | LC_ALL=C sort
}

resolves_exactly() { # NAME PACKAGE…
    local name="$1" expected actual
    shift
    expected="$(printf '%s\n' "$@" | sed '/^$/d' | LC_ALL=C sort)"
    actual="$(resolved "$name")"
    [ "$actual" = "$expected" ] && return
    diff <(echo "$expected") <(echo "$actual") | sed 's/^</       expected/; s/^>/       resolved/' | grep resolved || true
    echo "$actual" | sed 's/^/       resolved: /'
    return 1
}

resolves() { # NAME
    swift package --package-path "$scratch/$1" resolve > "$scratch/$1.log" 2>&1 && return
    tail -40 "$scratch/$1.log"
    return 1
}

builds() { # NAME
    swift build --package-path "$scratch/$1" > "$scratch/$1.log" 2>&1 && return
    grep -E 'error|warning' "$scratch/$1.log" | head -40 || tail -40 "$scratch/$1.log"
    return 1
}

prints() { # NAME TEXT
    local output
    output="$("$scratch/$1/.build/debug/$1")" || return 1
    [ "$output" = "$2" ] || { echo "       printed: $output"; return 1; }
}

# The policies alone: the README's own example of them, and a mesh without a control plane.
new_package small '' 'MeshCore MeshResilience ServiceMesh'
awk '/^```swift$/ { inside = 1; text = ""; next }
     /^```$/ { if (inside && text ~ /import MeshResilience/) { printf "%s", text; exit } inside = 0; next }
     inside { text = text $0 "\n" }' "$root/README.md" > "$scratch/small/Sources/small/Prices.swift"
check 'the README shows the policies alone' test -s "$scratch/small/Sources/small/Prices.swift"
cat > "$scratch/small/Sources/small/main.swift" << 'END'
import MeshCore
import ServiceMesh

struct Unavailable: Error {}

/// Fails once, so that the retry has something to do.
func fetchPrice(_ item: String, attempt: Int) async throws -> Int {
    if attempt == 1 { throw Unavailable() }
    return item.count
}

let mesh = try Mesh()
print("price \(try await prices()("book")), configured: \(mesh.snapshot != nil)")
END
check 'a consumer without traits builds' builds small
check 'its example runs' prints small 'price 4, configured: false'
check 'it resolves no package but ours' resolves_exactly small

# The HTTP client.
new_package http '"HTTP"' 'MeshCore MeshHTTP ServiceMesh'
cat > "$scratch/http/Sources/http/main.swift" << 'END'
import MeshHTTP
import ServiceMesh

let mesh = try Mesh()
let client = MeshHTTPClient(mesh: mesh, transport: HTTPTransport())
print(type(of: client))
END
if [ "${1:-}" = --build-all ]; then
    check 'a consumer with the trait HTTP builds' builds http
else
    check 'a consumer with the trait HTTP is resolved' resolves http
    echo "       whether it builds, too, says --build-all"
fi
check 'it resolves what HTTP needs and nothing else' resolves_exactly http \
    swift-atomics swift-collections swift-http-types swift-nio swift-nio-http2 swift-nio-ssl swift-system

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
