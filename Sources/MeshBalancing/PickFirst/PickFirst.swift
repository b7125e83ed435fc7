// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// The first endpoint of the list that may be used (`envoy.extensions.load_balancing_policies.pick_first.v3`, gRFC
/// A62).
///
/// For one leader and its followers, or for connections that are dear. Requests stay with the endpoint that they go to
/// until no connection to it can be made, or it is ejected, refused by its circuit breaker or unhealthy: then the list is
/// tried from the top. An endpoint that could not be connected to is passed over for gRPC's connection back-off (1 s, and
/// 1.6 times as long after each further failure, 120 s at most) as long as there are others. Further attempts of a request
/// that failed avoid where it failed. Localities follow one another as they are listed.
///
/// gRPC connects ahead of requests and tries the next endpoint 250 ms after the first (gRFC A61); here a request waits for
/// its connection, and `Endpoint.additionalAddresses` are what is raced.
public struct PickFirst: LoadBalancingPolicy {
    /// Whether the list is put into an order of its own by each process, in which heavier endpoints are likelier to be
    /// first.
    ///
    /// Default `false`: `shuffle_address_list`. The order stays the same for as long as the process lives, and an
    /// endpoint that comes or goes changes nothing about the others' (gRFC A113's weights, with a hash in place of its
    /// random draws).
    public var shufflesAddressList: Bool

    /// Creates the policy.
    public init(shufflesAddressList: Bool = false) {
        self.shufflesAddressList = shufflesAddressList
    }

    /// The policy's name.
    public var name: String { "pick_first" }

    /// The name and the settings in words.
    public var summary: String { shufflesAddressList ? "\(name) of a shuffled list" : name }

    /// There is one list for all places.
    public var picksAcrossPlaces: Bool { true }

    /// It wants to know who cannot be reached.
    public var observesAnswers: Bool { true }

    /// Passes an endpoint over that could not be connected to.
    public func answered(_ answer: AttemptAnswer, by endpoint: EndpointState) {
        // Whoever gave up before there was a connection says nothing.
        guard answer.outcome != .ignored else { return }
        if answer.isConnected {
            endpoint.connections.answered()
        } else {
            endpoint.connections.failed(at: answer.now)
        }
    }

    /// Makes a picker.
    public func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        makePicker(endpoints, shares: NormalizedWeights(endpoints).shares, random: random)
    }

    /// Makes a picker over endpoints of several places.
    /// - Complexity: O(endpoints × log endpoints).
    public func makePicker(
        _ endpoints: [EndpointState],
        shares: [Double],
        random: MeshRandom
    ) -> any EndpointPicker {
        guard shufflesAddressList else { return FirstUsablePicker(endpoints) }
        let ranked = zip(endpoints, shares).enumerated().map { position, weighted in
            (cost: Self.cost(of: weighted.0, share: weighted.1, seed: random.seed), position: position)
        }
        let order = ranked.sorted { ($0.cost, $0.position) < ($1.cost, $1.position) }
        return FirstUsablePicker(order.map { endpoints[$0.position] })
    }

    /// An exponential draw, the same each time, whose mean is the inverse of the share: the least of all is an
    /// endpoint's as often as its share says, and the next one likewise among those that are left (Efraimidis and
    /// Spirakis, 2006).
    private static func cost(of endpoint: EndpointState, share: Double, seed: UInt64) -> Double {
        let bits = XXH64.hash(endpoint.endpoint.address.description, seed: seed)
        return -((Double(bits >> 11) + 0.5) * 0x1p-53).logarithm / share
    }
}

/// Takes the endpoint that it took before, and otherwise the first that may be used.
final class FirstUsablePicker: EndpointPicker {
    private let endpoints: [EndpointState]
    /// The position of the one that is stayed with; -1 for none.
    private let current: Atomic<Int>

    init(_ endpoints: [EndpointState]) {
        self.endpoints = endpoints
        // Whoever was stayed with before a push or a change of health.
        current = Atomic(endpoints.firstIndex { $0.connections.isChosen.load(ordering: .relaxed) } ?? -1)
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        let position = current.load(ordering: .relaxed)
        if position >= 0, isConnectable(position, for: request), endpoints[position].suits(request) {
            return endpoints[position]
        }
        return first(for: request, after: position)
    }

    @inline(never)
    private func first(for request: borrowing PickRequest, after position: Int) -> EndpointState? {
        for next in endpoints.indices where isConnectable(next, for: request) && endpoints[next].suits(request) {
            // A further attempt goes elsewhere by itself; that moves nobody else.
            if request.excluded.isEmpty, current.exchange(next, ordering: .relaxed) == position {
                if position >= 0 { endpoints[position].connections.isChosen.store(false, ordering: .relaxed) }
                endpoints[next].connections.isChosen.store(true, ordering: .relaxed)
            }
            return endpoints[next]
        }
        // Nobody can be connected to: the first may be back.
        return endpoints.firstUsable(from: 0, for: request)
    }

    private func isConnectable(_ position: Int, for request: borrowing PickRequest) -> Bool {
        !endpoints[position].connections.isPassedOver(at: request.now)
    }
}
