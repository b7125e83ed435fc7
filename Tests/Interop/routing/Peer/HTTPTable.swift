// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import ServiceMesh

/// A table behind the HTTP client that applications have: its requests go over loopback to the backends, which keep
/// what they see.
struct HTTPTable: AskedTable {
    /// More than any answer of a table or a backend has.
    private static let largestBody = 1 << 20

    let table: ConfiguredTable

    func outcomes(of asked: [RoutingCase]) async throws -> [Outcome] {
        let ledgers = CaseLedgers()
        let notes = CaseNotes(asked, ledgers: ledgers)
        let configuration = HTTPTransport.Configuration(clock: table.mesh.clock, observers: table.mesh.observers)
        return try await withHTTPTransport(configuration) { transport in
            let client = MeshHTTPClient(mesh: table.mesh, transport: transport, requestMiddleware: [notes])
            var outcomes: [Outcome] = []
            for each in asked {
                guard let request = HTTPRequest(each.request) else { continue }
                outcomes.append(await Self.outcome(of: each, request, by: client, ledgers[String(each.number)]))
            }
            try await copiesHaveLeft(transport)
            return outcomes
        }
    }

    private static func outcome(
        of asked: RoutingCase,
        _ request: HTTPRequest,
        by client: MeshHTTPClient,
        _ ledger: CaseLedger
    ) async -> Outcome {
        do {
            return try await client.withResponse(to: request) { response in
                let body = try await response.body.collect(upTo: largestBody)
                return Outcome(
                    number: asked.number,
                    status: response.statusCode,
                    fields: response.head.headerFields.map { (HeaderName($0.name.canonicalName), $0.value) },
                    body: String(buffer: body),
                    ledger: ledger
                )
            }
        } catch {
            return Outcome(of: error, to: asked, ledger)
        }
    }

    /// Nobody waits for a copy, and the transport takes none when it is shut down: they are given the time to leave.
    private func copiesHaveLeft(_ transport: HTTPTransport) async throws {
        let clock = SystemClock()
        var quiet = 0
        // Four looks, because a copy may be on its way to the transport.
        while quiet < 4 {
            try await clock.sleep(until: clock.now.advanced(by: .milliseconds(50)))
            let now = transport.statistics
            quiet = now.activeRequests + now.pendingRequests == 0 ? quiet + 1 : 0
        }
    }
}

extension HTTPRequest {
    /// The request as applications write it; `nil` if they could not. `http_side.py` leaves such cases out.
    fileprivate init?(_ request: WireRequest) {
        guard let method = Method(request.method) else { return nil }
        self.init(method: method, scheme: request.scheme, authority: request.authority, path: request.path)
        for field in request.fields {
            guard let name = HTTPField.Name(field.name.lowercased), HTTPField.isValidValue(field.value) else {
                return nil
            }
            headerFields.append(HTTPField(name: name, value: field.value))
        }
    }
}
