// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
public import MeshCore
import NIOCore
public import ServiceMesh

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Answers questions about a mesh that runs, for the people who operate it: `meshctl explain --mesh HOST:PORT GET URL`.
///
/// ```swift
/// let administration = MeshAdministration(mesh: mesh)    // 127.0.0.1, a port of the system's choice
/// try await administration.run { address in print("ask \(address)") }
/// ```
/// It listens on the loopback interface unless told otherwise, because it tells all about the configuration, and to
/// whoever asks. It changes nothing.
///
///     GET /explain?url=http%3A%2F%2Freviews%2F1&method=GET&header=x-user%3A+jason&format=json
///
///     GET /status
///
/// `/status` is `Mesh.status` as JSON: `meshctl status --mesh HOST:PORT`. Of `/explain`, `url` is required; `header` may appear more often; `format` is `text` or `json`, and `text` if it is left out.
public struct MeshAdministration: Sendable {
    /// The most bytes of a question.
    static let maximumQuery = 64 * 1024

    private let mesh: Mesh
    private let server: MeshHTTPServer

    /// Creates the server; `run` makes it listen.
    /// - Parameters:
    ///   - mesh: The mesh that is asked about.
    ///   - address: Where it listens. Default: the loopback interface, a port that the system chooses.
    public init(mesh: Mesh, address: EndpointAddress = EndpointAddress(host: "127.0.0.1", port: 0)) {
        self.mesh = mesh
        var configuration = MeshHTTPServer.Configuration()
        configuration.address = address
        self.server = MeshHTTPServer(configuration) { request in Self.answer(request, mesh) }
    }

    /// Serves until the task is cancelled.
    /// - Parameter onListening: Is told where it listens, once it does.
    /// - Throws: `CancellationError`; the system's error if the address cannot be bound.
    public func run(onListening: @Sendable (EndpointAddress) -> Void = { _ in }) async throws {
        try await server.run(onListening: onListening)
    }

    private static func answer(_ request: InboundRequest, _ mesh: Mesh) -> InboundResponse {
        let path = request.head.path ?? "/"
        guard path.utf8.count <= maximumQuery else { return text("the question is too long", .uriTooLong) }
        let question = URLComponents(string: path)
        guard let question, ["/explain", "/status"].contains(question.path) else {
            return text("ask /explain?url=… or /status", .notFound)
        }
        guard request.head.method == .get else { return text("use GET", .methodNotAllowed) }
        if question.path == "/status" { return json(mesh.status) }
        let items = question.queryItems ?? []
        func value(_ name: String) -> String? { items.first { $0.name == name }?.value }
        guard let url = value("url"), var asked = try? HTTPRequest(.get, absolute: url) else {
            return text("url is missing, or is no absolute URL", .badRequest)
        }
        if let method = value("method") {
            guard let method = HTTPRequest.Method(method) else { return text("method is no method", .badRequest) }
            asked.method = method
        }
        for header in items where header.name == "header" {
            let parts = (header.value ?? "").split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let name = HTTPField.Name(String(parts[0])) else {
                return text("header is not NAME:VALUE", .badRequest)
            }
            asked.headerFields.append(HTTPField(name: name, value: String(parts[1].drop { $0 == " " })))
        }
        let explanation = mesh.explain(OutboundRequest(asked))
        guard value("format") == "json" else { return text("\(explanation)\n") }
        return json(explanation)
    }

    private static func json(_ answer: some Encodable) -> InboundResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(answer) else { return text("no JSON", .internalServerError) }
        return InboundResponse(
            headerFields: [.contentType: "application/json"],
            body: .bytes(ByteBuffer(bytes: json))
        )
    }

    private static func text(_ text: String, _ status: HTTPResponse.Status = .ok) -> InboundResponse {
        InboundResponse(status: status, headerFields: [.contentType: "text/plain; charset=utf-8"], body: .text(text))
    }
}
