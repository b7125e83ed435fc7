// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Which clients are connected and how far each is, and who waits for them.
struct ClientInventoryStateMachine {
    private struct Client {
        var status: XDSClientStatus
        var group: String?
        /// Whether it is known what it is served, and with whom.
        var isServed = false
        /// The versions as numbers; 0 for none.
        var served: UInt64 = 0
        var applied: UInt64 = 0
        var refused: UInt64 = 0

        /// The latest version that it has said everything of.
        var answered: UInt64 { max(applied, refused) }
    }

    private struct Waiter {
        var order: UInt64
        var group: String?
        var pending: Set<UInt64>
    }

    /// A refusal is a client's own words; this much of them is kept.
    static let maximumMessageLength = 2000
    /// A client that cannot be told much cannot be told why, either, beyond this many reasons.
    static let maximumReports = 256

    private var clients: [UInt64: Client] = [:]
    private var waiters: [UInt64: Waiter] = [:]
    private var lastWaiter: UInt64 = 0

    /// The clients, in the order in which they came.
    var statuses: [XDSClientStatus] {
        clients.sorted { $0.key < $1.key }.map(\.value.status)
    }

    /// A client.
    func status(of stream: UInt64) -> XDSClientStatus? { clients[stream]?.status }

    /// A client did something.
    /// - Returns: The waits that are over by it.
    mutating func noticed(_ event: XDSServerEvent) -> [UInt64] {
        switch event {
        case .connected(let stream, let node):
            clients[stream] = Client(status: XDSClientStatus(stream: stream, node: node))
            // It may belong to whatever group somebody waits for.
            for number in waiters.keys { waiters[number]?.pending.insert(stream) }
        case .speaks(let stream, let connection):
            clients[stream]?.status.connection = connection
        case .offered(let stream, let version, let order, let group):
            return offered(stream, version, order, group)
        case .acknowledged(let stream, let kind, let version):
            clients[stream]?.status.kinds[kind] = XDSClientStatus.Progress(acknowledged: version)
        case .rejected(let stream, let kind, let version, let message):
            clients[stream]?.status.kinds[kind, default: XDSClientStatus.Progress()].rejected = version
            clients[stream]?.status.kinds[kind]?.reason = message.cut(to: Self.maximumMessageLength)
        case .serves(let stream, let served):
            clients[stream]?.status.served[served.kind] = served
        case .applied(let stream, let version):
            guard var client = clients[stream] else { return [] }
            client.status.appliedVersion = version
            client.applied = client.served
            clients[stream] = client
            return answered(stream)
        case .behind(let stream):
            fellBehind(stream)
        case .refuses(let stream, _):
            guard var client = clients[stream] else { return [] }
            client.refused = client.served
            clients[stream] = client
            return answered(stream)
        case .translated(let stream, let reports):
            clients[stream]?.status.translations = Array(reports.prefix(Self.maximumReports))
        case .ignores(let stream, let fields):
            clients[stream]?.status.ignoredFields = Array(fields.prefix(Self.maximumReports))
        case .disconnected(let stream):
            clients[stream] = nil
            return release(stream) { _ in true }
        }
        return []
    }

    /// Somebody waits until all clients, or those of a group, have taken a version.
    /// - Returns: The number of the wait.
    mutating func waitBegan(order: UInt64, group: String?) -> UInt64 {
        lastWaiter += 1
        let pending = clients.filter {
            Self.counts($0.value, in: group) && $0.value.answered < order
        }
        waiters[lastWaiter] = Waiter(order: order, group: group, pending: Set(pending.keys))
        return lastWaiter
    }

    /// Whether a wait is over: nobody has an answer to give any more.
    func isOver(_ number: UInt64) -> Bool { waiters[number]?.pending.isEmpty ?? true }

    /// Nobody waits any more.
    mutating func waitEnded(_ number: UInt64) { waiters[number] = nil }

    /// How far clients are.
    func report(version: String, order: UInt64, group: String?) -> XDSAppliedReport {
        var report = XDSAppliedReport(version: version)
        for (stream, client) in clients.sorted(by: { $0.key < $1.key }) where Self.counts(client, in: group) {
            let entry = XDSAppliedReport.Client(stream: stream, node: client.status.node.id)
            if client.applied >= order {
                report.applied.append(entry)
            } else if client.refused >= order {
                report.refused.append(entry)
            } else {
                report.pending.append(entry)
            }
        }
        return report
    }

    private static func counts(_ client: Client, in group: String?) -> Bool {
        group == nil || !client.isServed || client.group == group
    }

    private mutating func offered(_ stream: UInt64, _ version: String, _ order: UInt64, _ group: String?) -> [UInt64] {
        guard var client = clients[stream] else { return [] }
        client.status.servedVersion = version.isEmpty ? nil : version
        client.served = order
        client.group = group
        client.isServed = true
        clients[stream] = client
        for (number, waiter) in waiters where Self.counts(client, in: waiter.group) && client.answered < waiter.order {
            waiters[number]?.pending.insert(stream)
        }
        // It may have left a group.
        return release(stream) { !Self.counts(client, in: $0.group) || client.answered >= $0.order }
    }

    /// It has every earlier version still, and will have this one again.
    private mutating func fellBehind(_ stream: UInt64) {
        guard var client = clients[stream], client.served > 0 else { return }
        client.status.appliedVersion = nil
        client.applied = min(client.applied, client.served - 1)
        client.refused = min(client.refused, client.served - 1)
        clients[stream] = client
        for (number, waiter) in waiters where Self.counts(client, in: waiter.group) && client.answered < waiter.order {
            waiters[number]?.pending.insert(stream)
        }
    }

    private mutating func answered(_ stream: UInt64) -> [UInt64] {
        guard let client = clients[stream] else { return [] }
        return release(stream) { client.answered >= $0.order }
    }

    private mutating func release(_ stream: UInt64, where isDone: (Waiter) -> Bool) -> [UInt64] {
        var over: [UInt64] = []
        for (number, waiter) in waiters where waiter.pending.contains(stream) && isDone(waiter) {
            waiters[number]?.pending.remove(stream)
            if waiter.pending.count == 1 { over.append(number) }
        }
        return over.sorted()
    }
}
