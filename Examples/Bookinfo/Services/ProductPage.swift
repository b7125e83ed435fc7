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
    private let ownHeaders: HTTPFields

    /// How long the page waits for reviews. A slow service costs the page a box, not its reader's patience.
    static let reviewsTimeout = Duration.milliseconds(700)

    init(instance: String, client: MeshHTTPClient) {
        self.client = client
        self.ownHeaders = OwnHeaders.fields(of: .productpage, instance: instance)
    }

    func add(to router: Router<BasicMeshRequestContext>) {
        router.get("productpage") { request, _ in
            await page(request.head)
        }
    }

    private func page(_ request: HTTPRequest) async -> ProductPageContent {
        async let details = call(BookinfoHost.details, path: "/details/0", from: request, as: DetailsPage.self)
        let reviews = await call(BookinfoHost.reviews, path: "/reviews/0", from: request, as: ReviewsPage.self)
        let answered = await details
        return ProductPageContent(
            title: "The Comedy of Errors",
            detailsStatus: answered.status,
            details: answered.content,
            reviewsStatus: reviews.status,
            reviews: reviews.content,
            reviewsHeaders: reviews.headers.told,
            error: reviews.error ?? answered.error
        )
    }

    /// What a service answered; a status of 0 says that it did not.
    private struct Answer<Content: Decodable & Sendable>: Sendable {
        var status = 0
        var headers = HTTPFields()
        var content: Content?
        var error: String?
    }

    private func call<Content: Decodable & Sendable>(
        _ host: String,
        path: String,
        from request: HTTPRequest,
        as type: Content.Type
    ) async -> Answer<Content> {
        var call = HTTPRequest(method: .get, scheme: "http", authority: host, path: path, headerFields: ownHeaders)
        PassedOnHeaders.copy(from: request, to: &call)
        var answer = Answer<Content>()
        do {
            let (response, body) = try await client.execute(call, timeout: Self.reviewsTimeout)
            answer.headers = response.headerFields
            // An answer that cannot be read is none.
            if response.status == .ok {
                answer.content = try JSONDecoder().decode(Content.self, from: Data(body.readableBytesView))
            } else {
                answer.error = String(buffer: body)
            }
            answer.status = response.status.code
        } catch {
            answer.error = "\(error)"
        }
        return answer
    }
}
