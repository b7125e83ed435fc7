// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// The network in memory: endpoints that answer by the script that a request carries.
struct ScriptedNetwork: Transport {
    let topology: Topology
    let clock: any MeshClock
    let ledgers: CaseLedgers

    func send(_ request: WireRequest, context: inout CallContext) async throws -> WireResponse {
        context.requestState = .notSent
        guard let address = context.endpoint?.address, let endpoint = topology[address] else {
            throw MeshError(.connectionFailed, origin: .upstream, message: "connection refused")
        }
        context.requestState = .maybeSent
        var request = request
        // Adapters tell how long the peer has.
        let deadline = context.headDeadline
        if !deadline.isNever {
            let left = max(1, deadline.remaining(at: clock.now).millisecondsRoundedUp)
            request.setValue(String(left), for: "x-envoy-expected-rq-timeout-ms")
        }
        let ledger = ledgers[request.value(of: "x-case") ?? ""]
        let number = ledger.arrived(CaseLedger.Arrival(endpoint: endpoint, request: request))
        let step = number.map { Script(request.value(of: "x-script")).step($0) } ?? .answer(200, [])
        let status: Int
        let fields: [(name: HeaderName, value: String)]
        switch step {
        case .answer(let scripted, let more): (status, fields) = (scripted, more)
        case .reset: throw Self.reset
        case .hang:
            let end = clock.now.advanced(by: Script.hang)
            try await clock.sleep(until: min(end, context.headDeadline.instant))
            guard end <= context.headDeadline.instant else {
                throw MeshError(
                    .deadlineExceeded,
                    origin: .upstream,
                    requestState: .maybeSent,
                    message: "the deadline passed before the response"
                )
            }
            throw Self.reset
        }
        context.requestState = .answered
        context.openExchanges += 1
        return WireResponse(
            statusCode: status,
            fields: [("x-backend", endpoint.cluster)] + Script.standing + fields
        )
    }

    func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        context.openExchanges -= 1
    }

    private static var reset: MeshError {
        MeshError(
            .connectionClosed,
            origin: .upstream,
            requestState: .maybeSent,
            message: "the connection was closed before the response"
        )
    }
}

/// The ledgers of all cases, by their numbers.
final class CaseLedgers: Sendable {
    private let ledgers = Mutex<[String: CaseLedger]>([:])

    subscript(number: String) -> CaseLedger {
        ledgers.withLock { ledgers in
            if let known = ledgers[number] { return known }
            let ledger = CaseLedger()
            ledgers[number] = ledger
            return ledger
        }
    }
}
