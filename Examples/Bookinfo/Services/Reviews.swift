// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import FoundationEssentials
import HTTPTypes
import Hummingbird
import MeshHTTP
import MeshHummingbird

/// Reviews of a book: version 1 without stars, 2 with black ones, 3 with red ones, which ratings provides.
struct Reviews: Sendable {
    let version: String
    let instance: String
    let client: MeshHTTPClient

    func add(to router: Router<BasicMeshRequestContext>) {
        router.get("reviews/:id") { request, context in
            let id = try context.parameters.require("id", as: Int.self)
            return await page(id: id, request: request.head)
        }
    }

    private func page(id: Int, request: HTTPRequest) async -> ReviewsPage {
        var page = ReviewsPage(
            id: id,
            instance: instance,
            version: version,
            reviews: [
                .init(reviewer: "Reviewer1", text: "An extremely entertaining play."),
                .init(reviewer: "Reviewer2", text: "Absolutely fun and entertaining."),
            ],
            ratingsStatus: 0
        )
        guard version != "v1" else { return page }
        do {
            var call = HTTPRequest(
                method: .get,
                scheme: "http",
                authority: BookinfoHost.ratings,
                path: "/ratings/\(id)"
            )
            PassedOnHeaders.copy(from: request, to: &call)
            let (response, body) = try await client.execute(call)
            page.ratingsStatus = response.status.code
            guard response.status == .ok else {
                page.ratingsError = String(buffer: body)
                return page
            }
            let ratings = try JSONDecoder().decode(RatingsPage.self, from: Data(body.readableBytesView))
            page.ratingsInstance = ratings.instance
            let color = version == "v2" ? "black" : "red"
            for number in page.reviews.indices {
                page.reviews[number].stars = ratings.ratings[page.reviews[number].reviewer]
                page.reviews[number].color = color
            }
        } catch {
            page.ratingsError = "\(error)"
        }
        return page
    }
}
