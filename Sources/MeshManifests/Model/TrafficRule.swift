// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshRouting

/// One rule of a host's routing: what requests must be, and what happens to them.
struct TrafficRule: Sendable {
    var name: String
    var position: SourcePosition
    /// One of them must hold; an empty list always holds.
    var conditions: [RequestCondition]
    var action: Action
    var timeout: Nanoseconds?
    var retry: RetrySetting
    var fault: FaultConfiguration?

    enum Action: Sendable {
        case forward([TrafficShare])
        case reply(LocalReply)
    }

    enum RetrySetting: Hashable, Sendable {
        /// What Istio does where nothing is said.
        case standard
        case none
        case policy(RetryPolicy)
    }
}

/// A share of a rule's traffic.
struct TrafficShare: Sendable {
    var host: Located<HostPattern>
    var subset: SubsetSelector
    var port: Located<Int>?
    var weight: UInt32
    var position: SourcePosition
}

/// Which workloads of a service are meant.
enum SubsetSelector: Hashable, Sendable {
    case whole
    case named(Located<String>)
    case labels([String: String])
}

/// What a request and its client must be.
struct RequestCondition: Sendable {
    var name: String?
    var path: PathMatcher = .any
    var headers: [HeaderMatcher] = []
    var source = SourceCondition()
    /// The port that the client calls.
    var port: UInt16?
    var appliesToMesh = true
}

/// What a client must be; an empty condition always holds.
struct SourceCondition: Hashable, Sendable {
    /// A service that the client is an instance of.
    var service: HostPattern?
    var namespace: String?
    var labels: [String: String] = [:]

    var isEmpty: Bool { service == nil && namespace == nil && labels.isEmpty }
}

extension [String: String] {
    /// Whether all of `selector`'s labels are among these.
    func satisfies(_ selector: [String: String]) -> Bool {
        selector.allSatisfy { self[$0.key] == $0.value }
    }
}
