// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What one client asked for of one kind, what it has, and what it is still to be told.
///
/// A change is looked at when it comes, name by name, also while the client owes an answer: what is due then is always
/// the latest, and looking costs what changed and not what there is.
struct ServedSubscription {
    /// How the client is spoken to.
    struct Rules: Hashable, Sendable {
        /// Only what changed is sent, and what went is named; else the protocol is state of the world.
        var isIncremental = false
        /// Whether the client understands that a name does not exist. By state of the world others find out by waiting.
        var reportsMissing = false
    }

    /// Something to tell.
    struct News: Hashable, Sendable {
        var resources: [EncodedResource] = []
        /// Names that the client is to forget.
        var removed: [String] = []
        /// Names that the client asked for and that do not exist.
        var missing: [String] = []
    }

    /// The kind.
    let kind: ResourceKind
    /// How the client is spoken to.
    let rules: Rules
    /// Whether the client came with what it got on an earlier stream.
    let cameWithVersions: Bool
    /// The names that it asks for.
    private(set) var names: Set<String> = []
    /// Whether it asks for all there are.
    private(set) var isWildcard = false
    /// What it has, once it has answered.
    private(set) var sent: [String: EncodedResource] = [:]
    /// Names whose resource it does not have as it is now.
    private(set) var due: Set<String> = []
    /// Names that it has and that are no more.
    private(set) var gone: Set<String> = []
    /// Names that do not exist, which it was told.
    private var reportedMissing: Set<String> = []
    /// Names that do not exist, which it is to be told.
    private var missing: Set<String> = []

    /// The client waits for a response, whether there is anything or not.
    var isAsked = false
    /// The nonce of the last response.
    var nonce = ""
    /// The version of the last response.
    var sentVersion = ""
    /// Whether the client has said what it thinks of the last response.
    var isAnswered = true
    /// Whether it refused the last response.
    var isRefused = false

    init(_ kind: ResourceKind, rules: Rules, cameWithVersions: Bool) {
        self.kind = kind
        self.rules = rules
        self.cameWithVersions = cameWithVersions
    }

    /// Whether the client has to be told what is gone: by state of the world it is for some kinds only.
    private var saysRemovals: Bool { rules.isIncremental || kind.isFullState }

    /// Whether there is something to tell.
    /// - Parameter lettingGo: Whether what is gone may be taken away.
    func hasNews(lettingGo: Bool) -> Bool {
        isAsked || !due.isEmpty || !missing.isEmpty || (lettingGo && !gone.isEmpty)
    }

    /// Whether the client has everything, and took it.
    var isSettled: Bool { isAnswered && !isRefused && !hasNews(lettingGo: true) }

    /// The client has these, it says.
    mutating func resume(_ versions: [String: String]) {
        for (name, version) in versions { sent[name] = EncodedResource(name: name, clientVersion: version) }
    }

    /// The client asks for these, in place of what it asked for before.
    mutating func subscribe(to names: Set<String>, isWildcard: Bool, _ offer: ServedOffer?) {
        let changed = names.symmetricDifference(self.names)
        let hadWildcard = self.isWildcard
        self.names = names
        self.isWildcard = isWildcard
        if isWildcard != hadWildcard {
            examineAll(offer)
        } else {
            for name in changed { examine(name, offer) }
        }
    }

    /// The client asks for these again: it may have thrown away what it had.
    mutating func forget(_ names: some Sequence<String>, _ offer: ServedOffer?) {
        for name in names {
            sent[name] = nil
            reportedMissing.remove(name)
            examine(name, offer)
        }
    }

    /// The client has one that may be no more, or another one; it has to hear of it in any case.
    mutating func doubt(_ name: String, _ offer: ServedOffer?) {
        sent[name] = EncodedResource(name: name, clientVersion: "")
        examine(name, offer)
    }

    /// There is something else to serve.
    mutating func offered(_ offer: ServedOffer) {
        guard let changes = offer.changes else { return examineAll(offer) }
        for name in changes[kind] ?? [] { examine(name, offer) }
    }

    private mutating func examineAll(_ offer: ServedOffer?) {
        let known = isWildcard ? offer?.tables[kind]?.byName ?? [:] : [:]
        var names = names.union(due).union(gone).union(missing)
        for (name, resource) in known where sent[name] !== resource { names.insert(name) }
        for name in sent.keys where known[name] == nil { names.insert(name) }
        for name in names { examine(name, offer) }
    }

    private mutating func examine(_ name: String, _ offer: ServedOffer?) {
        let isNamed = names.contains(name)
        guard isNamed || isWildcard else {
            // It has let go of the name itself.
            sent[name] = nil
            due.remove(name)
            gone.remove(name)
            missing.remove(name)
            reportedMissing.remove(name)
            return
        }
        guard let offer else { return }
        guard let resource = offer.resource(kind, name) else {
            due.remove(name)
            if sent[name] != nil, saysRemovals {
                gone.insert(name)
            } else {
                sent[name] = nil
                // While the control plane warms up, what is not there may only be late.
                let isReported = reportedMissing.contains(name)
                if isNamed, rules.reportsMissing, !isReported, !offer.isWarming { missing.insert(name) }
            }
            return
        }
        gone.remove(name)
        missing.remove(name)
        reportedMissing.remove(name)
        if sent[name] == resource { due.remove(name) } else { due.insert(name) }
    }

    /// What there is to tell, which counts as told.
    /// - Parameter lettingGo: Whether what is gone is taken away.
    mutating func takeNews(_ offer: ServedOffer, lettingGo: Bool) -> News {
        var news = News()
        let isWhole = !rules.isIncremental && kind.isFullState
        var stays: [String: EncodedResource] = [:]
        if !lettingGo { for name in gone { stays[name] = sent[name] } }
        if isWhole {
            let table = offer.tables[kind] ?? EncodedTable()
            if isWildcard, stays.isEmpty, names.allSatisfy({ table.byName[$0] != nil }) {
                // The table of the snapshot itself: clients of one group share it.
                sent = table.byName
                news.resources = table.sorted
            } else {
                sent = isWildcard ? table.byName : [:]
                for name in names { sent[name] = offer.resource(kind, name) }
                sent.merge(stays) { new, _ in new }
                news.resources = sent.values.sorted { $0.name < $1.name }
            }
        } else {
            news.resources = due.sorted().compactMap { offer.resource(kind, $0) }
            for resource in news.resources { sent[resource.name] = resource }
            if lettingGo {
                news.removed = gone.sorted()
                for name in gone { sent[name] = nil }
                reportedMissing.formUnion(gone.intersection(names))
            }
            if isWildcard, names.isEmpty, stays.isEmpty, let table = offer.tables[kind] { sent = table.byName }
        }
        if rules.reportsMissing {
            // A whole response says again what does not exist: what it leaves out would else only be gone.
            let absent = isWhole && !offer.isWarming ? names.filter { sent[$0] == nil } : missing
            news.missing = absent.sorted()
            reportedMissing.formUnion(absent)
        }
        due = []
        missing = []
        if lettingGo { gone = [] }
        isAsked = false
        return news
    }
}
