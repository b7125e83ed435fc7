// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Makes pickers from endpoints: the configuration of a way to balance.
///
/// An implementer is a value that can be compared, so that a push can tell whether it changed. `makePicker` is called
/// off the request path, whenever the endpoints change; it may be expensive, and must not wait. To add a policy, write
/// a type that conforms and register its decoder; no switch is edited.
public protocol LoadBalancingPolicy: Hashable, Sendable {
    /// The policy's name, as configuration and `explain` show it.
    var name: String { get }

    /// The name and the settings in words, as `explain` shows them. Default the name.
    var summary: String { get }

    /// Whether the endpoint depends on the request's hash, which routes reckon only for such policies. Default `false`.
    var picksByHash: Bool { get }

    /// Whether the policy wants the endpoints of all places of a priority at once, and heeds their shares by itself, in
    /// place of those of one place, which is drawn by its weight. Default `picksByHash`.
    var picksAcrossPlaces: Bool { get }

    /// Whether a picker takes long to make even for a few endpoints. It is then made in the background when their health
    /// changes, not by a request. Default `false`.
    var makesTables: Bool { get }

    /// Whether `answered` is to be called, which costs each attempt a look at the clock. Default `false`.
    var observesAnswers: Bool { get }

    /// An endpoint has answered, or will not. Called on the request path from any thread; must not wait.
    func answered(_ answer: AttemptAnswer, by endpoint: EndpointState)

    /// Whether `reported` is to be called, for which each response is looked at for a load report. Default `false`.
    var observesLoad: Bool { get }

    /// How often endpoints are asked to report their load apart from answers, by a call to each that stays open; `nil`
    /// if they are not. `reported` is called with these reports. Default `nil`.
    var loadReportPeriod: Nanoseconds? { get }

    /// An endpoint has reported its load. Called on the request path from any thread; must not wait.
    func reported(_ report: LoadReport, by endpoint: EndpointState, at now: MeshInstant)

    /// Checks the bounds of the policy's settings; by default there are none.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    func validate() throws(ConfigurationError)

    /// Makes a picker over endpoints that stay the same for the picker's life.
    func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker

    /// Makes a picker over endpoints of several places that are weighted, each with its share of the whole.
    ///
    /// Asked only where `picksAcrossPlaces`; other policies pick within one place, which is drawn by its weight. By
    /// default the shares are left aside.
    func makePicker(_ endpoints: [EndpointState], shares: [Double], random: MeshRandom) -> any EndpointPicker
}

/// What an attempt's answer, or the lack of one, says to a policy.
public struct AttemptAnswer: Hashable, Sendable {
    /// How long it took: to the response's head, or until it was clear that there will be none.
    public var latency: Nanoseconds
    /// How it counts.
    public var outcome: Outcome
    /// When the peer wants to be asked again, if it said so.
    public var retryAfter: Nanoseconds?
    /// The current instant.
    public var now: MeshInstant
    /// Whether there was a connection to send the request on.
    public var isConnected: Bool

    /// Describes an answer.
    public init(
        latency: Nanoseconds,
        outcome: Outcome,
        retryAfter: Nanoseconds? = nil,
        now: MeshInstant,
        isConnected: Bool = true
    ) {
        self.isConnected = isConnected
        self.latency = latency
        self.outcome = outcome
        self.retryAfter = retryAfter
        self.now = now
    }
}

/// Picks an endpoint for a request: immutable, called on the request path from any thread, takes no lock.
public protocol EndpointPicker: Sendable {
    /// Picks an endpoint that may be used now.
    /// - Returns: `nil` if there is no endpoint that may be used.
    func pick(for request: borrowing PickRequest) -> EndpointState?
}

extension LoadBalancingPolicy {
    /// There is nothing to say but the name.
    public var summary: String { name }

    /// The endpoint does not depend on the request's hash.
    public var picksByHash: Bool { false }

    /// Only hashes are looked up in one table for all places.
    public var picksAcrossPlaces: Bool { picksByHash }

    /// A picker is made in microseconds.
    public var makesTables: Bool { false }

    /// Nothing is learned from answers.
    public var observesAnswers: Bool { false }

    /// Nothing is learned from it.
    public func answered(_ answer: AttemptAnswer, by endpoint: EndpointState) {}

    /// Nothing is learned from reports.
    public var observesLoad: Bool { false }

    /// Nobody is asked.
    public var loadReportPeriod: Nanoseconds? { nil }

    /// Nothing is learned from it.
    public func reported(_ report: LoadReport, by endpoint: EndpointState, at now: MeshInstant) {}

    /// The shares are left aside.
    public func makePicker(
        _ endpoints: [EndpointState],
        shares: [Double],
        random: MeshRandom
    ) -> any EndpointPicker {
        makePicker(endpoints, random: random)
    }

    /// There is nothing to check.
    public func validate() throws(ConfigurationError) {}
}
