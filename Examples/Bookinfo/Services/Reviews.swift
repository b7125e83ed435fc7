// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import FoundationEssentials
import HTTPTypes
import Hummingbird
import MeshCore
import MeshHTTP
import MeshHummingbird
import Synchronization

/// Reviews of a book: version 1 without stars, 2 with black ones, 3 with red ones, which ratings provides.
struct Reviews: Sendable {
    let version: String
    let instance: String
    let client: MeshHTTPClient
    private let visits = VisitCount()

    /// The address, and those that it is to have one day.
    private static let paths = ["reviews/:id", "api/v2/reviews/:id", "api/v2/books/:id/reviews"]

    init(version: String, instance: String, client: MeshHTTPClient) {
        self.version = version
        self.instance = instance
        self.client = client
    }

    func add(to router: Router<BasicMeshRequestContext>) {
        let ownHeaders = OwnHeaders.fields(of: .reviews, instance: instance)
        for path in Self.paths {
            router.get(RouterPath(path)) { request, context in
                let id = try context.parameters.require("id", as: Int.self)
                return EditedResponse(headers: ownHeaders, response: await page(id: id, request: request.head))
            }
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
            ratingsStatus: 0,
            call: ReceivedCall(
                authority: request.authority ?? "",
                path: request.path ?? "",
                headers: request.headerFields.told
            ),
            visits: visits.visited(by: request)
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

/// Counts the calls of one instance.
private final class VisitCount: Sendable {
    private let visits = Mutex(Visits())

    /// Counts a call. A copy of somebody's call has `-shadow` behind the host.
    func visited(by request: HTTPRequest) -> Visits {
        let host = request.authority.flatMap { EndpointAddress(authority: $0, defaultPort: 80)?.host }
        let isCopy = host?.hasSuffix("-shadow") ?? false
        return visits.withLock { visits in
            if isCopy { visits.copies += 1 } else { visits.calls += 1 }
            return visits
        }
    }
}
