// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What an xDS client knows of one kind of resource.
struct ADSSubscription {
    /// A resource as it was received.
    struct Cached {
        var packed: PackedResource
        var resource: XDSResource
        var ignored: [FieldReport]
    }

    /// The names that are asked for.
    var names: Set<String> = []
    /// Whether everything is asked for.
    var isWildcard = false
    /// Whether the current stream has been asked.
    var isRequested = false
    /// The version that was taken last, on whichever stream.
    var version = ""
    /// The nonce of the current stream's last response.
    var nonce = ""
    /// What was received, by name.
    var cached: [String: Cached] = [:]
    /// Why a resource was refused, by name.
    var refused: [String: String] = [:]
    /// Names that do not exist, as far as anybody knows.
    var missing: Set<String> = []
    /// When the wait for a name that was never received began, on the current stream.
    var waitingSince: [String: MeshInstant] = [:]

    /// The names as a request carries them.
    var requestNames: [String] {
        // Without names of its own a wildcard is an empty list, which every server understands.
        isWildcard && !names.isEmpty ? ["*"] + names.sorted() : names.sorted()
    }

    /// Whether it is known what became of every name.
    var isSettled: Bool {
        names.allSatisfy { cached[$0] != nil || missing.contains($0) || refused[$0] != nil }
    }

    /// Asks for other names.
    /// - Returns: Whether they differ from those before.
    mutating func subscribe(to wanted: Set<String>, at now: MeshInstant) -> Bool {
        guard wanted != names else { return false }
        for name in wanted.subtracting(names) where cached[name] == nil { waitingSince[name] = now }
        names = wanted
        if !isWildcard {
            cached = cached.filter { wanted.contains($0.key) }
            refused = refused.filter { wanted.contains($0.key) }
        }
        missing.formIntersection(wanted)
        waitingSince = waitingSince.filter { wanted.contains($0.key) }
        return true
    }
}
