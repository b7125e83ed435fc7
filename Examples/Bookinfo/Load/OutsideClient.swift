// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore

/// A client that is not in the mesh: a browser, as far as Bookinfo can tell.
final class OutsideClient: Sendable {
    private let transport: HTTPTransport

    init() {
        self.transport = HTTPTransport()
    }

    func close() async {
        await transport.shutdown()
    }

    /// Asks for the page once.
    func page(at address: EndpointAddress, headers: HTTPFields = [:]) async -> PageView {
        let clock = ContinuousClock()
        let start = clock.now
        do {
            let (status, body) = try await get("/productpage", at: address, headers: headers)
            let content = status == 200 ? try JSONDecoder().decode(ProductPageContent.self, from: body) : nil
            return PageView(status: status, content: content, latency: clock.now - start, error: nil)
        } catch {
            return PageView(status: 0, content: nil, latency: clock.now - start, error: "\(error)")
        }
    }

    /// Asks for anything once.
    func get(
        _ path: String,
        at address: EndpointAddress,
        headers: HTTPFields = [:]
    ) async throws -> (status: Int, body: Data) {
        var request = HTTPRequest(method: .get, scheme: "http", authority: "\(address)", path: path)
        request.headerFields.append(contentsOf: headers)
        let now = SystemClock().now
        var context = CallContext(now: now, deadline: Deadline(.seconds(10), after: now))
        context.endpoint = Endpoint(address: address)
        return try await transport.withResponse(to: OutboundRequest(request), context: &context) { response in
            var body = Data()
            for try await chunk in response.body { body.append(contentsOf: chunk.readableBytesView) }
            return (response.head.status.code, body)
        }
    }
}

/// One view of the page, as its reader saw it.
struct PageView: Sendable {
    var status: Int
    var content: ProductPageContent?
    var latency: Duration
    var error: String?

    /// The version of reviews that answered.
    var version: String? { content?.reviews?.version }

    /// Whether every service that had to answer did.
    var isComplete: Bool {
        guard status == 200, let content, content.detailsStatus == 200, content.reviewsStatus == 200,
            let reviews = content.reviews
        else { return false }
        return reviews.version == "v1" || reviews.ratingsStatus == 200
    }

    /// What went wrong, in a line.
    var summary: String {
        if let error { return error }
        guard let content else { return "status \(status)" }
        let ratings = content.reviews.map { " ratings \($0.ratingsStatus) \($0.ratingsError ?? "")" } ?? ""
        return
            "page \(status) details \(content.detailsStatus) reviews \(content.reviewsStatus)\(ratings) \(content.error ?? "")"
    }
}

extension [PageView] {
    /// The latency that half of the views stayed below.
    var medianLatency: Duration { map(\.latency).sorted().dropFirst(count / 2).first ?? .zero }
}

extension Duration {
    /// For people: whole milliseconds.
    var milliseconds: Int { Int(Nanoseconds(self).rawValue / 1_000_000) }
}

extension HTTPFields {
    /// One field; none where that is no name of a field.
    init(_ name: String, _ value: String) {
        self.init()
        if let name = HTTPField.Name(name) { self[name] = value }
    }

    /// The field by which Bookinfo's services know their user.
    static func user(_ name: String) -> HTTPFields { HTTPFields("end-user", name) }
}

/// Waiting in real time, which is what a demonstration is made of.
enum Pause {
    static func milliseconds(_ count: UInt64) async throws {
        let clock = SystemClock()
        try await clock.sleep(until: clock.now.advanced(by: .milliseconds(count)))
    }
}
