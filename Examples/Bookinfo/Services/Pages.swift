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
}

/// What productpage answers; a status of 0 says that there was no answer.
struct ProductPageContent: ResponseCodable, Sendable {
    var title: String
    var detailsStatus: Int
    var details: DetailsPage?
    var reviewsStatus: Int
    var reviews: ReviewsPage?
    var error: String?
}
