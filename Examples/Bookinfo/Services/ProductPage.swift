// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import FoundationEssentials
import HTTPTypes
import Hummingbird
import MeshHTTP
import MeshHummingbird
import NIOCore

/// The page that people see: details and reviews side by side, each within its time.
struct ProductPage: Sendable {
    let client: MeshHTTPClient

    /// How long the page waits for reviews. A slow service costs the page a box, not its reader's patience.
    static let reviewsTimeout = Duration.milliseconds(700)

    func add(to router: Router<BasicMeshRequestContext>) {
        router.get("productpage") { request, _ in
            await page(request.head)
        }
    }

    private func page(_ request: HTTPRequest) async -> ProductPageContent {
        var page = ProductPageContent(title: "The Comedy of Errors", detailsStatus: 0, reviewsStatus: 0)
        async let details = call(BookinfoHost.details, path: "/details/0", from: request, as: DetailsPage.self)
        let reviews = await call(BookinfoHost.reviews, path: "/reviews/0", from: request, as: ReviewsPage.self)
        page.reviewsStatus = reviews.status
        page.reviews = reviews.content
        let answered = await details
        page.detailsStatus = answered.status
        page.details = answered.content
        page.error = reviews.error ?? answered.error
        return page
    }

    private func call<Content: Decodable & Sendable>(
        _ host: String,
        path: String,
        from request: HTTPRequest,
        as type: Content.Type
    ) async -> (status: Int, content: Content?, error: String?) {
        var call = HTTPRequest(method: .get, scheme: "http", authority: host, path: path)
        PassedOnHeaders.copy(from: request, to: &call)
        do {
            let (response, body) = try await client.execute(call, timeout: Self.reviewsTimeout)
            guard response.status == .ok else { return (response.status.code, nil, String(buffer: body)) }
            let content = try JSONDecoder().decode(Content.self, from: Data(body.readableBytesView))
            return (response.status.code, content, nil)
        } catch {
            return (0, nil, "\(error)")
        }
    }
}
