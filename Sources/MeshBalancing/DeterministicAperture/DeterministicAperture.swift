// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Some of the endpoints, so that the clients of a service together load each endpoint the same (Twitter Finagle's
/// deterministic aperture).
///
/// Clients that know how many they are, and which of them each is, stand around a ring at equal distances, and so do
/// the endpoints. A client's aperture is the arc from its place on, as wide as whole distances between clients make it
/// at least `minimumAperture` endpoints. So each part of the ring is in the same number of apertures. Of endpoints that
/// an arc cuts, the client takes a part. Within the aperture the less busy of two drawn endpoints is picked, by its
/// part. All clients must see the same endpoints; their order does not matter, and weights are left aside.
public struct DeterministicAperture: LoadBalancingPolicy {
    /// Which of the clients this process is; 0 to below `peerCount`.
    public var peerIndex: Int
    /// How many clients there are; at least 1, at most 1 000 000.
    public var peerCount: Int
    /// How many endpoints the aperture has at least, as far as there are so many; at least 1.
    ///
    /// Default 12: Finagle's `minDeterministicAperture`. With fewer than four the choice of two does not even out.
    public var minimumAperture: Int
    /// By how many distances between clients all of them are moved around the ring, so that several services do not
    /// begin at one place; at least 0.
    ///
    /// Default 0.
    public var offset: Double

    /// Creates the policy.
    public init(peerIndex: Int, peerCount: Int, minimumAperture: Int = 12, offset: Double = 0) {
        self.peerIndex = peerIndex
        self.peerCount = peerCount
        self.minimumAperture = minimumAperture
        self.offset = offset
    }

    /// The most clients: ours, far above any service's number of instances.
    public static let greatestPeerCount = 1_000_000

    /// The policy's name.
    public var name: String { "deterministic_aperture" }

    /// The name and the settings in words.
    public var summary: String {
        let moved = offset == 0 ? "" : ", moved by \(offset)"
        return "\(name): at least \(minimumAperture) endpoints, client \(peerIndex) of \(peerCount)\(moved)"
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            (1...Self.greatestPeerCount).contains(peerCount),
            "peerCount",
            "must be from 1 to \(Self.greatestPeerCount), is \(peerCount)"
        )
        problems.require(
            peerIndex >= 0 && peerIndex < max(peerCount, 1),
            "peerIndex",
            "must be from 0 to below the count of \(peerCount), is \(peerIndex)"
        )
        problems.require(minimumAperture >= 1, "minimumAperture", "must be at least 1, is \(minimumAperture)")
        problems.require(offset >= 0 && offset.isFinite, "offset", "must be a number of at least 0, is \(offset)")
        try problems.throwIfAny()
    }

    /// Makes a picker.
    /// - Complexity: O(endpoints × log endpoints).
    public func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        // By a hash, the same for all clients, so that neighbours by address are none on the ring.
        let ranked = endpoints.map { (hash: XXH64.hash($0.endpoint.address.description), state: $0) }
        let ring = ranked.sorted { first, second in
            first.hash == second.hash
                ? first.state.endpoint.address.description < second.state.endpoint.address.description
                : first.hash < second.hash
        }.map(\.state)
        return AperturePicker(ring, edges: edges(of: ring.count), random: random)
    }

    /// The parts of the ring's endpoints that are in the aperture, in order from the client's place.
    func edges(of count: Int) -> [ApertureEdge] {
        // What was not validated is held in its bounds all the same.
        let peers = min(max(peerCount, 1), Self.greatestPeerCount)
        let place = (Double(max(peerIndex, 0)) + (offset.isFinite ? max(offset, 0) : 0))
            .truncatingRemainder(dividingBy: Double(peers))
        return ApertureEdge.edges(of: count, place: place, peers: peers, minimum: max(minimumAperture, 1))
    }
}
