// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a script wants done, as a line of JSON: requests, or one of the orders.
struct ClientJob: Decodable, Sendable {
    /// Comes back with what came of it.
    var id: String?
    /// Something else than a request.
    var order: Order?

    /// The cluster, which is the authority unless `authority` is there.
    var cluster: String?
    var authority: String?
    var scheme: String?
    var method: String?
    var path: String?
    var headers: [[String]]?
    var body: Body?
    var trailers: [[String]]?

    /// How many requests there are, all alike, and how many of them at once.
    var count: Int?
    var concurrency: Int?
    /// Requests are started for so many milliseconds, instead of a count.
    var forMilliseconds: UInt64?
    /// One line that counts, instead of one for each request.
    var summary: Bool?

    /// How long the whole exchange may take.
    var timeout: UInt64?
    /// When the caller gives up.
    var cancelAfter: UInt64?
    /// How many bytes of the response are read; the rest is left.
    var stopAfter: Int?
    /// How long the reader waits before each chunk.
    var readPause: UInt64?

    enum Order: String, Decodable {
        /// Print what is there at the moment.
        case figures
        /// Close the connections that no request uses.
        case closeIdle
        /// Send everything in `addresses` to other endpoints from now on.
        case move
    }

    /// For `move`: the addresses by cluster.
    var addresses: [String: [String]]?

    struct Body: Decodable, Sendable {
        /// Its length in bytes.
        var size: Int
        /// Sent in chunks of this size as they are produced; all at once without it.
        var chunk: Int?
        /// How long the producer waits before each chunk.
        var pause: UInt64?
        /// Whether a streamed body says its length in the head.
        var declaresLength: Bool?
        /// What the head says is the length, whatever it is.
        var claims: Int?
    }
}
