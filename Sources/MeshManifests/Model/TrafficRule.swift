// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshRouting

/// One rule of a host's routing: what requests must be, and what happens to them.
///
/// What is `nil` or empty has not been said: where a rule is delegated, it comes from the rule that delegates.
struct TrafficRule: Sendable {
    /// The name that its author gave it.
    var givenName: String?
    /// Its name where nobody gave it one: its manifest and its place in there.
    var defaultName: String
    var position: SourcePosition
    /// One of them must hold; an empty list always holds.
    var conditions: [RequestCondition]
    var action: Action
    /// Zero for none.
    var timeout: Nanoseconds?
    var retry: RetrySetting?
    var fault: FaultConfiguration?
    var rewrite: RequestRewrite?
    var headers: HeaderOperations?
    var cors: CORSPolicy?
    var mirroring = Mirroring()

    var name: String { givenName ?? defaultName }

    enum Action: Sendable {
        case forward([TrafficShare])
        case redirect(RedirectSetting)
        case reply(LocalReply)
        /// The rules of another manifest decide; their own answer, if they have none, is `reply`.
        case delegate(DelegateReference, reply: LocalReply?)
    }

    enum RetrySetting: Hashable, Sendable {
        case never
        /// `choosesEndpoints`: whether the manifest says itself if endpoints that were tried are avoided.
        case policy(RetryPolicy, choosesEndpoints: Bool = false)
    }

    /// Copies of a rule's requests. Istio keeps the share of `mirror` apart from it, and so do delegates.
    struct Mirroring: Sendable {
        /// Where `mirror` sends copies.
        var destination: TrafficDestination?
        /// The share of requests that `mirror` copies: `mirrorPercentage`.
        var percentage: FractionalPercent?
        /// The same in whole percent: `mirrorPercent`, which counts where `percentage` says nothing.
        var percent: FractionalPercent?
        /// Further copies, each with its share: `mirrors`.
        var further: [(destination: TrafficDestination, share: FractionalPercent)]?

        /// All copies that some requests get.
        var copies: [(destination: TrafficDestination, share: FractionalPercent)] {
            let first = destination.map { ($0, percentage ?? percent ?? .all) }
            return ([first].compactMap(\.self) + (further ?? [])).filter { $0.1 != .none }
        }
    }
}

/// Another manifest whose rules are meant.
struct DelegateReference: Sendable {
    var namespace: String
    var name: Located<String>

    var qualifiedName: String { "\(namespace)/\(name.value)" }
}

/// Where requests go.
struct TrafficDestination: Sendable {
    var host: Located<HostPattern>
    var subset: SubsetSelector
    var port: Located<Int>?
}

/// A share of a rule's traffic.
struct TrafficShare: Sendable {
    var destination: TrafficDestination
    var weight: UInt32
    var headers: HeaderOperations?
    var position: SourcePosition

    var host: Located<HostPattern> { destination.host }
    var subset: SubsetSelector { destination.subset }
}

/// Which workloads of a service are meant.
enum SubsetSelector: Hashable, Sendable {
    case whole
    case named(Located<String>)
    case labels([String: String])
}
