// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Hummingbird

/// What ratings answers.
struct RatingsPage: ResponseCodable, Sendable {
    var id: Int
    var instance: String
    var ratings: [String: Int]
}

/// What details answers.
struct DetailsPage: ResponseCodable, Sendable {
    var id: Int
    var instance: String
    var author: String
    var year: Int
    var pages: Int
}

/// What reviews answers; the status of ratings is 0 where it was not asked, or did not answer.
struct ReviewsPage: ResponseCodable, Sendable {
    struct Review: Codable, Sendable {
        var reviewer: String
        var text: String
        var stars: Int?
        var color: String?
    }

    var id: Int
    var instance: String
    var version: String
    var reviews: [Review]
    var ratingsStatus: Int
    var ratingsInstance: String?
    var ratingsError: String?
    /// The call as it arrived here.
    var call: ReceivedCall
    /// What this instance was asked so far.
    var visits: Visits
}

/// A call as the service that serves it sees it: routes may have changed it on its way.
struct ReceivedCall: Codable, Sendable {
    var authority: String
    var path: String
    var headers: [String: String]
}

/// How often an instance was asked: by callers, and by the mesh with copies of what others were asked.
struct Visits: Codable, Sendable {
    var calls = 0
    var copies = 0
}

/// What productpage answers; a status of 0 says that there was no answer.
struct ProductPageContent: ResponseCodable, Sendable {
    var title: String
    var detailsStatus: Int
    var details: DetailsPage?
    var reviewsStatus: Int
    var reviews: ReviewsPage?
    /// The header fields of reviews' answer.
    var reviewsHeaders: [String: String]
    var error: String?
}
