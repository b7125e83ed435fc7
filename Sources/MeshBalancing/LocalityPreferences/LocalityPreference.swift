// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Which of the places that endpoints are at a client prefers, as Istio says it (`LocalityLoadBalancerSetting` and
/// `ZoneAwareLoadBalancerSetting` of a DestinationRule).
package enum LocalityPreference: Hashable, Sendable {
    /// No place is preferred.
    case none
    /// The nearest first, and the next ones when it is not well.
    case nearest(Failover)
    /// Places share the requests as the first rule says that is for the client's; those that it does not name get none.
    case shared([Distribution])
    /// The own region's zones as `ZoneAware` says, and other regions when the own one is not well.
    case zoneAware(ZoneAware, Failover)

    /// What Istio does where nothing is said, since its mesh-wide setting has `enabled: true`.
    package static let standard = LocalityPreference.nearest(Failover())

    /// What comes before what when the nearest place is not well.
    package struct Failover: Hashable, Sendable {
        /// Labels in the order in which they have to agree, before places are looked at (`failoverPriority`).
        package var labels: [Label]
        /// To which region a region's requests go first (`failover`).
        package var regions: [Region]

        /// Describes an order.
        package init(labels: [Label] = [], regions: [Region] = []) {
            self.labels = labels
            self.regions = regions
        }

        /// Whether it says anything.
        package var isSaid: Bool { !labels.isEmpty || !regions.isEmpty }
    }

    /// A label that endpoints have to agree in.
    package struct Label: Hashable, Sendable {
        /// Its name.
        package var name: String
        /// With what; `nil` for the client's own value.
        package var value: String?

        /// Describes a label.
        package init(_ name: String, value: String? = nil) {
            self.name = name
            self.value = value
        }
    }

    /// Where a region's requests go.
    package struct Region: Hashable, Sendable {
        /// The region.
        package var from: String
        /// The one that comes before the others.
        package var to: String

        /// Describes a way.
        package init(from: String, to: String) {
            self.from = from
            self.to = to
        }
    }

    /// How clients of some places share their requests out.
    package struct Distribution: Hashable, Sendable {
        /// The clients' places.
        package var from: LocalityPattern
        /// What each place gets, in percent of the whole.
        package var shares: [Share]

        /// Describes shares.
        package init(from: LocalityPattern, shares: [Share]) {
            self.from = from
            self.shares = shares
        }
    }

    /// What some places get.
    package struct Share: Hashable, Sendable {
        /// The places.
        package var to: LocalityPattern
        /// How much, from 1 to 100.
        package var percent: UInt32

        /// Describes a share.
        package init(_ to: LocalityPattern, percent: UInt32) {
            self.to = to
            self.percent = percent
        }
    }
}
