// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import ServiceMesh

/// A question that a command asks over HTTP.
struct HTTPQuestion {
    /// How many characters of a refusal are shown.
    private static let maximumRefusal = 1024

    /// Whom it is asked, in words (`the mesh`).
    var peer: String
    /// Where.
    var address: EndpointAddress
    /// The target: path and query.
    var target: String
    /// A bearer token, if one is needed.
    var token: String?
    /// The most bytes of an answer.
    var maximumAnswer: Int
    /// How long the answer may take.
    var timeout: Nanoseconds

    /// Reads an address: `HOST:PORT`, or the port alone, which is one of this machine's own.
    /// - Parameter owner: Whose address it is, for the refusal.
    static func address(_ text: String, of owner: String) throws(InputError) -> EndpointAddress {
        var authority = text
        if text.hasPrefix(":") { authority = "127.0.0.1\(text)" }
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { authority = "127.0.0.1:\(text)" }
        guard let address = EndpointAddress(authority: authority), address.port != 0 else {
            throw InputError("\(owner) address must be HOST:PORT, or PORT on this machine, is \"\(text)\"")
        }
        return address
    }

    /// Asks, and reads the answer as JSON.
    /// - Throws: `InputError` in words, whatever went wrong.
    func answer<Answer: Decodable>(as type: Answer.Type) async throws(InputError) -> Answer {
        let (status, body): (Int, ByteBuffer)
        do {
            (status, body) = try await ask()
        } catch {
            let reason = (error as? MeshError).map(\.message) ?? "\(error)"
            throw InputError("\(peer) at \(address): \(reason.printable)")
        }
        guard status == 200 else {
            let refusal = String(buffer: body).prefix(Self.maximumRefusal).printable
            throw InputError("\(peer) at \(address) answers \(status): \(refusal)")
        }
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(body.readableBytesView))
        } catch {
            throw InputError("what answers at \(address) is not \(peer): its answer is of another kind")
        }
    }

    private func ask() async throws -> (Int, ByteBuffer) {
        var head = HTTPRequest(method: .get, scheme: "http", authority: "\(address)", path: target)
        if let token { head.headerFields[.authorization] = "Bearer \(token)" }
        return try await withHTTPTransport(HTTPTransport.Configuration()) { transport in
            let now = SystemClock().now
            var context = CallContext(now: now, deadline: Deadline(timeout, after: now))
            context.endpoint = Endpoint(address: address)
            return try await transport.withResponse(to: OutboundRequest(head), context: &context) { response in
                (response.statusCode, try await response.body.collect(upTo: maximumAnswer))
            }
        }
    }
}
