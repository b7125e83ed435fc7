// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshResilience
import SwiftProtobuf

/// Translates one HTTP filter between its protobuf message and ours.
protocol HTTPFilterCodec: Sendable {
    /// The full name of the filter's message.
    var typeName: String { get }
    /// The full name of the message of its settings for a route; often the same.
    var overrideTypeName: String { get }

    /// Decodes a filter.
    /// - Returns: `nil` if it does nothing, or, with a problem, if it is bad.
    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter?

    /// Decodes the filter's settings for a route into what the route does.
    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    )

    /// Switches the filter off for a route.
    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext)

    /// Encodes a filter; `nil` if it is not one of its own.
    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any?
}

extension HTTPFilterCodec {
    var overrideTypeName: String { typeName }
}

/// What filters do on one route, in place of what they do on the listener.
struct RouteOverrides {
    var fault: FaultConfiguration?
    var rateLimit: RateLimitConfiguration?
    var cors: CORSRules?
    /// Those that a place says for itself; what is said above it is asked where requests are served.
    var filters = FilterOverrides.none
    /// What stands in the place of the listener's other policies: those that the route switches off.
    var policies = TrafficPolicies.none
    /// The name of the filter whose settings are read: of some filters there may be several on a listener.
    var filterName = ""
}
