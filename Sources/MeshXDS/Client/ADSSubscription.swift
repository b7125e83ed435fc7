// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What an xDS client wants and knows of one kind of resource, whoever told it and in whichever form of the protocol.
struct ADSSubscription {
    /// A resource as it was received.
    struct Cached {
        var packed: PackedResource
        var resource: XDSResource
        var ignored: [FieldReport]
        /// The resource's own version; that of the response where resources have none.
        var version = ""
        /// The server that it came from, by its place in its list.
        var server = 0
        /// When it came.
        var updatedAt = MeshInstant(nanoseconds: 0)
    }

    /// What went wrong with a resource last.
    struct Problem: Hashable {
        enum Cause: Hashable {
            /// It came, and cannot be used.
            case refused
            /// The server says that it cannot give it.
            case reported
            /// The server has it no more; by gRPC's rules it stays in use.
            case deleted
        }

        var cause: Cause
        var text: String
        /// The version that it was about; empty for none.
        var version = ""
        /// What was refused, as it stood on the wire.
        var packed: PackedResource?
        /// When it was heard of.
        var since: MeshInstant
    }

    /// Why there is nothing under a name.
    enum Absence: Hashable {
        /// It does not exist, as far as anybody knows.
        case missing
        /// The server has not said a word about it for too long.
        case timedOut
    }

    /// The names that something refers to.
    private(set) var names: Set<String> = []
    /// Whether everything is asked for.
    let isWildcard: Bool
    /// Whether a response ever had something good, or was empty and meant it.
    var isKnown = false
    /// What was received, by name.
    private(set) var cached: [String: Cached] = [:]
    /// What went wrong last with a name; what came before it stays in use.
    private(set) var problems: [String: Problem] = [:]
    /// Names under which there is nothing.
    private(set) var absences: [String: Absence] = [:]
    /// When the wait for a name began that is not there, or no longer: on the current stream.
    private(set) var waitingSince: [String: MeshInstant] = [:]
    /// The names of the cached resources by their bytes, so that what did not change is not decoded again.
    private var nameByContent: [PackedResource: String] = [:]
    /// The names that nothing is known of.
    private var unsettled: Set<String>
    /// The names whose resource is another one than before, or came or went, since somebody looked last.
    private var changed: Set<String> = []
    /// The names that requests carry: `names`, and if there are none, the last there were. An empty list means
    /// "everything" to some servers, so that those are asked for on; the server sends only what changes of them, and so
    /// they are kept as if something referred to them.
    private var asked: Set<String>
    /// The names as a request carries them, in order.
    private(set) var requestNames: [String] = []
    /// Names that are no longer asked for, and since when.
    ///
    /// The server may not know: it ignores a request that crosses a response, and one that still waits to be sent is
    /// replaced by the next. A name that comes back would then not be sent again, and so it is kept for a while.
    private var released: [String: MeshInstant] = [:]

    init(names: Set<String> = [], isWildcard: Bool = false) {
        self.names = names
        self.isWildcard = isWildcard
        unsettled = names
        asked = names
        updateRequestNames()
    }

    /// Whether there is anything to ask for.
    var isWanted: Bool { isWildcard || !names.isEmpty }

    /// Whether nothing is known of a name that is asked for.
    func isAwaited(_ name: String) -> Bool { unsettled.contains(name) }

    /// Whether it is known what became of every name.
    var isSettled: Bool { unsettled.isEmpty }

    /// The names whose resource is not what it was when this was asked last.
    mutating func takeChanges() -> Set<String> {
        defer { changed = [] }
        return changed
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

    /// Whether a resource cannot be used and there is no earlier one to go on with.
    func isUnusable(_ name: String) -> Bool { problems[name] != nil && cached[name] == nil }

    /// Refers to other names.
    /// - Returns: Whether that must be said to the server.
    mutating func subscribe(to wanted: Set<String>, at now: MeshInstant) -> Bool {
        guard wanted != names else { return false }
        for name in names.subtracting(wanted) {
            // What the server has left out it sends again when it is there again; the rest it may not.
            if waitingSince[name] == nil { settle(name) } else { forget(name) }
        }
        let added = wanted.subtracting(names)
        names = wanted
        unsettled.formIntersection(wanted)
        for name in added { review(name) }
        if isWildcard { updateRequestNames() }
        guard !wanted.isEmpty, wanted != asked else { return false }
        for name in asked.subtracting(wanted) { released[name] = now }
        for name in wanted { released[name] = nil }
        asked = wanted
        updateRequestNames()
        return true
    }

    /// A stream is open, and there was none: it knows of nothing that is not asked for on it.
    mutating func streamOpened() {
        for name in asked.subtracting(names).union(released.keys) { forget(name) }
        asked = names
        updateRequestNames()
        released = [:]
        // What nobody named and nobody has is sent again, or is not there any more.
        for name in problems.keys where !names.contains(name) && cached[name] == nil { problems[name] = nil }
    }

    /// A request with the names has gone out: what is not there is waited for from now on, if it is not already.
    mutating func requestSent(at now: MeshInstant) {
        // What was refused is there, and does not become missing because it does not come again.
        for name in unsettled where waitingSince[name] == nil { waitingSince[name] = now }
    }

    /// There is no stream any more, or it counts no longer: nothing is late.
    mutating func streamEnded() {
        waitingSince = [:]
    }

    /// A resource has come, and is good.
    mutating func accept(_ name: String, _ resource: Cached) {
        if let old = cached[name] { nameByContent[old.packed] = nil }
        cached[name] = resource
        nameByContent[resource.packed] = name
        changed.insert(name)
        settle(name)
    }

    /// A resource has come that is there already, as it is.
    mutating func confirm(_ name: String, version: String, server: Int) {
        cached[name]?.version = version
        cached[name]?.server = server
        settle(name)
    }

    /// Something is wrong with a resource. The last good one stays, unless it is to go.
    mutating func fail(_ name: String, _ problem: Problem, dropping: Bool) {
        if dropping { forget(name) } else { settle(name) }
        problems[name] = problem
        review(name)
    }

    /// There is no such resource.
    private mutating func remove(_ name: String, _ absence: Absence = .missing) {
        forget(name)
        if names.contains(name) { absences[name] = absence }
        review(name)
    }

    /// The server says that there is no such resource, or left it out of all there are.
    mutating func deleted(_ name: String, by rule: DeletionRule, at now: MeshInstant) {
        guard names.contains(name), cached[name] != nil else { return remove(name) }
        switch rule {
        case .dropAtOnce: remove(name)
        case .keep:
            guard problems[name]?.cause != .deleted else { return }
            let text = "the control plane does not have it any more; the last one stays in use"
            fail(name, Problem(cause: .deleted, text: text, since: now), dropping: false)
        case .dropLater:
            guard !isWildcard else { return remove(name) }
            problems[name] = nil
            if waitingSince[name] == nil { waitingSince[name] = now }
        }
    }

    /// Ends the waits that have lasted `timeout`, and forgets what has not been asked for as long.
    mutating func timePassed(at now: MeshInstant, timeout: Nanoseconds, absence: Absence) {
        for (name, since) in waitingSince where now.elapsed(since: since) >= timeout {
            // The wait for what was there is one for those who let go of it: the server did say that it is gone.
            remove(name, cached[name] == nil ? absence : .missing)
        }
        for (name, since) in released where now.elapsed(since: since) >= timeout {
            released[name] = nil
            forget(name)
        }
    }

    private mutating func settle(_ name: String) {
        problems[name] = nil
        absences[name] = nil
        waitingSince[name] = nil
        review(name)
    }

    private mutating func forget(_ name: String) {
        if let old = cached.removeValue(forKey: name) {
            nameByContent[old.packed] = nil
            changed.insert(name)
        }
        settle(name)
    }

    /// Finds out whether anything is known of a name.
    private mutating func review(_ name: String) {
        let isKnown = cached[name] != nil || absences[name] != nil || problems[name] != nil
        if isKnown || !names.contains(name) { unsettled.remove(name) } else { unsettled.insert(name) }
    }

    private mutating func updateRequestNames() {
        // Without names of its own a wildcard is an empty list, which every server understands.
        requestNames = isWildcard && !names.isEmpty ? ["*"] + names.sorted() : asked.sorted()
    }
}
