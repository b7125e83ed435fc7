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

    /// The names that something refers to.
    private(set) var names: Set<String> = []
    /// Whether everything is asked for.
    let isWildcard: Bool
    /// Whether the current stream has been asked.
    var isRequested = false
    /// The version that was taken last, on whichever stream.
    var version = ""
    /// The nonce of the current stream's last response.
    var nonce = ""
    /// Why that response is refused; `nil` if it is taken. Every request until the next response says so: without it, a
    /// request for other names with the same nonce would read as an acknowledgement.
    var refusal: String?
    /// Whether a response ever had something good, or was empty and meant it.
    var isKnown = false
    /// What was received, by name.
    private(set) var cached: [String: Cached] = [:]
    /// Why a resource was refused, by name.
    private(set) var refused: [String: String] = [:]
    /// Names that do not exist, as far as anybody knows.
    private(set) var missing: Set<String> = []
    /// When the wait for a name began that is not there, or no longer: on the current stream.
    private(set) var waitingSince: [String: MeshInstant] = [:]
    /// The names of the cached resources by their bytes, so that what did not change is not decoded again.
    private var nameByContent: [PackedResource: String] = [:]
    /// The names that requests carry: `names`, and if there are none, the last there were. An empty list means
    /// "everything" to some servers, so that those are asked for on; the server sends only what changes of them, and so
    /// they are kept as if something referred to them.
    private var asked: Set<String>
    /// Names that are no longer asked for, and since when.
    ///
    /// The server may not know: it ignores a request that crosses a response, and one that still waits to be sent is
    /// replaced by the next. A name that comes back would then not be sent again, and so it is kept for a while.
    private var released: [String: MeshInstant] = [:]

    init(names: Set<String> = [], isWildcard: Bool = false) {
        self.names = names
        self.isWildcard = isWildcard
        asked = names
    }

    /// The names as a request carries them.
    var requestNames: [String] {
        // Without names of its own a wildcard is an empty list, which every server understands.
        isWildcard && !names.isEmpty ? ["*"] + names.sorted() : asked.sorted()
    }

    /// Whether it is known what became of every name.
    var isSettled: Bool {
        names.allSatisfy { cached[$0] != nil || missing.contains($0) || refused[$0] != nil }
    }

    /// When the first of the waits is over; `nil` if nothing is waited for.
    func firstDeadline(timeout: Nanoseconds) -> MeshInstant? {
        waitingSince.values.min()?.advanced(by: timeout)
    }

    /// The name of a resource with just these bytes.
    func name(of packed: PackedResource) -> String? { nameByContent[packed] }

    /// Whether the server may send a name because it was asked to.
    func wants(_ name: String) -> Bool {
        isWildcard || names.contains(name) || asked.contains(name) || released[name] != nil
    }

    /// Whether a resource was refused and there is no earlier one to go on with.
    func isUnusable(_ name: String) -> Bool { refused[name] != nil && cached[name] == nil }

    /// Refers to other names.
    /// - Returns: Whether that must be said to the server.
    mutating func subscribe(to wanted: Set<String>, at now: MeshInstant) -> Bool {
        guard wanted != names else { return false }
        for name in names.subtracting(wanted) {
            // What the server has left out it sends again when it is there again; the rest it may not.
            if waitingSince[name] == nil { settle(name) } else { forget(name) }
        }
        for name in wanted.subtracting(names) where cached[name] == nil { waitingSince[name] = now }
        names = wanted
        guard !wanted.isEmpty, wanted != asked else { return false }
        for name in asked.subtracting(wanted) { released[name] = now }
        for name in wanted { released[name] = nil }
        asked = wanted
        return true
    }

    /// A stream is open: the waits begin anew, since nothing can have come while there was none.
    mutating func connected(at now: MeshInstant) {
        nonce = ""
        refusal = nil
        isRequested = false
        // A new stream knows of nothing that is not asked for on it.
        for name in asked.subtracting(names).union(released.keys) { forget(name) }
        asked = names
        released = [:]
        // What was refused is there, and does not become missing because it does not come again.
        for name in names where cached[name] == nil && refused[name] == nil && !missing.contains(name) {
            waitingSince[name] = now
        }
    }

    /// The stream has ended: without one, nothing is late.
    mutating func streamEnded() {
        waitingSince = [:]
    }

    /// A resource has come, and is good.
    mutating func accept(_ name: String, _ resource: Cached) {
        if let old = cached[name] { nameByContent[old.packed] = nil }
        cached[name] = resource
        nameByContent[resource.packed] = name
        settle(name)
    }

    /// A resource has come that is there already, as it is.
    mutating func confirm(_ name: String) {
        settle(name)
    }

    /// A resource has come, and is bad. The last good one stays.
    mutating func refuse(_ name: String, because problem: String) {
        settle(name)
        refused[name] = problem
    }

    /// There is no such resource.
    private mutating func remove(_ name: String) {
        forget(name)
        if names.contains(name) { missing.insert(name) }
    }

    /// A full response came without the resource, or the server says that it does not exist.
    ///
    /// What is still referred to stays for a while: the routes that let go of it may be on their way, and requests that
    /// were routed to a cluster which is gone would fail for nothing.
    mutating func leftOut(_ name: String, at now: MeshInstant) {
        if names.contains(name), !isWildcard, cached[name] != nil {
            refused[name] = nil
            if waitingSince[name] == nil { waitingSince[name] = now }
        } else {
            remove(name)
        }
    }

    /// Ends the waits that have lasted `timeout`, and forgets what has not been asked for as long.
    mutating func timePassed(at now: MeshInstant, timeout: Nanoseconds) {
        for (name, since) in waitingSince where now.elapsed(since: since) >= timeout { remove(name) }
        for (name, since) in released where now.elapsed(since: since) >= timeout {
            released[name] = nil
            forget(name)
        }
    }

    private mutating func settle(_ name: String) {
        refused[name] = nil
        missing.remove(name)
        waitingSince[name] = nil
    }

    private mutating func forget(_ name: String) {
        if let old = cached.removeValue(forKey: name) { nameByContent[old.packed] = nil }
        settle(name)
    }
}
