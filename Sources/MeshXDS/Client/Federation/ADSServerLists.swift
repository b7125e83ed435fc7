// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// All lists of control planes of a client, as one place where a resource is found by its name.
struct ADSServerLists {
    /// Which list a name belongs to.
    let directory: ServerDirectory
    /// What requests call the services whose listeners have these names.
    let hosts: [String: [String]]
    private(set) var lists: [ADSServerList]
    /// Names that belong to no list, with the reasons, by kind: nobody is asked for them, and they do not exist.
    private(set) var strays: [ResourceKind: [String: String]] = [:]

    /// - Parameters:
    ///   - lists: Not empty; that at the top of the bootstrap is the first.
    ///   - listeners: The names of the listeners that are asked for by their names.
    ///   - layers: The names of the runtime's layers.
    ///   - asksForAll: Whether all listeners that the first list has are asked for besides.
    init(
        _ lists: [ADSServerList.Traits],
        directory: ServerDirectory,
        listeners: Set<String>,
        layers: Set<String>,
        hosts: [String: [String]],
        asksForAll: Bool,
        decoder: ResourceDecoder
    ) {
        let names = directory.sort(listeners, as: .listener, into: lists.count)
        let layers = directory.sort(layers, as: .runtimeLayer, into: lists.count)
        self.directory = directory
        self.hosts = hosts
        self.lists = lists.enumerated().map { place, traits in
            let subscription = ADSSubscription(names: names.lists[place], isWildcard: asksForAll && place == 0)
            let wanted: [ResourceKind: ADSSubscription] = [
                .listener: subscription, .runtimeLayer: ADSSubscription(names: layers.lists[place]),
            ]
            return ADSServerList(traits, at: place, wanted: wanted, decoder: decoder)
        }
        if !names.strays.isEmpty { strays[.listener] = names.strays }
        if !layers.strays.isEmpty { strays[.runtimeLayer] = layers.strays }
    }

    subscript(place: Int) -> ADSServerList {
        get { lists[place] }
        _modify { yield &lists[place] }
    }

    /// The places of the lists.
    var indices: Range<Int> { lists.indices }

    /// The subscription that a name belongs to; `nil` if it belongs nowhere.
    func subscription(_ kind: ResourceKind, of name: String) -> ADSSubscription? {
        directory.list(of: name).flatMap { lists[$0].subscriptions[kind] }
    }

    /// What was received under a name, and is in use.
    func cached(_ kind: ResourceKind, _ name: String) -> ADSSubscription.Cached? {
        guard let list = directory.list(of: name) else { return nil }
        return lists[list].subscriptions[kind]?.cached[name]
    }

    /// Whether nothing can come of a name: what came cannot be used, or nobody may be asked for it.
    func isUnusable(_ kind: ResourceKind, _ name: String) -> Bool {
        if strays[kind]?[name] != nil { return true }
        return subscription(kind, of: name)?.isUnusable(name) == true
    }

    /// Whether somebody is asked for a name and has not told yet.
    func isAwaited(_ kind: ResourceKind, _ name: String) -> Bool {
        subscription(kind, of: name)?.isAwaited(name) == true
    }

    /// The names of a kind whose resource is not what it was when this was asked last.
    mutating func takeChanges(of kind: ResourceKind) -> Set<String> {
        var changes: Set<String> = []
        for place in lists.indices {
            guard let some = lists[place].subscriptions[kind]?.takeChanges(), !some.isEmpty else { continue }
            if changes.isEmpty { changes = some } else { changes.formUnion(some) }
        }
        return changes
    }

    /// Asks for the names that resources refer to, each where it belongs.
    mutating func subscribe(to names: NamesByList, of kind: ResourceKind, at now: MeshInstant) {
        for place in lists.indices { lists[place].subscribe(to: names.lists[place], of: kind, at: now) }
        if strays[kind] ?? [:] != names.strays { strays[kind] = names.strays.isEmpty ? nil : names.strays }
    }
}
