// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Policies in the words of xDS")
struct FilterPolicyTests {
    private typealias Manager = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager
    private typealias Admission = Envoy_Extensions_Filters_Http_AdmissionControl_V3_AdmissionControl
    private typealias Adaptive = Envoy_Extensions_Filters_Http_AdaptiveConcurrency_V3_AdaptiveConcurrency
    private typealias Limit = Envoy_Extensions_Filters_Http_LocalRatelimit_V3_LocalRateLimit
    private typealias Fault = Envoy_Extensions_Filters_Http_Fault_V3_HTTPFault

    /// Decodes a listener that has one filter before the router.
    private func decode(_ filter: some Message) throws -> (filters: [HTTPFilter], ignored: [String]) {
        var manager = Manager()
        manager.routeConfig.name = "r"
        manager.httpFilters = [.init(), .init()]
        manager.httpFilters[0].name = "f"
        manager.httpFilters[0].typedConfig = try Google_Protobuf_Any(packing: filter)
        manager.httpFilters[1].name = "router"
        manager.httpFilters[1].typedConfig = try RouterCodec.encoded()
        var listener = Envoy_Config_Listener_V3_Listener()
        listener.name = "l"
        listener.apiListener.apiListener = try Google_Protobuf_Any(packing: manager)
        let decoded = try ResourceDecoder().decode(try listener.serializedBytes(), as: .listener)
        guard case .listener(let result) = decoded.resource else { throw CancellationError() }
        return (result.filters, decoded.ignored.map(\.path))
    }

    private func policies(_ filter: some Message) throws -> TrafficPolicies? {
        guard case .policies(let policies)? = try decode(filter).filters.first else { return nil }
        return policies
    }

    private func problems(_ filter: some Message) throws -> [String] {
        let error = #expect(throws: ConfigurationError.self) { try decode(filter) }
        let prefix = "api_listener.api_listener.http_filters[0].typed_config."
        return (error?.problems ?? []).map { $0.path.replacing(prefix, with: "") }
    }

    /// Decodes the one route of a table, after a change.
    private func route(_ change: (inout Envoy_Config_Route_V3_Route) throws -> Void) throws -> (Route, [String]) {
        var route = Envoy_Config_Route_V3_Route()
        route.match.prefix = "/"
        route.route.cluster = "c"
        try change(&route)
        var host = Envoy_Config_Route_V3_VirtualHost()
        host.name = "h"
        host.domains = ["*"]
        host.routes = [route]
        var table = Envoy_Config_Route_V3_RouteConfiguration()
        table.name = "r"
        table.virtualHosts = [host]
        let decoded = try ResourceDecoder().decode(try table.serializedBytes(), as: .routeConfiguration)
        guard case .routeConfiguration(let result) = decoded.resource else { throw CancellationError() }
        return (try #require(result.virtualHosts.first?.routes.first), decoded.ignored.map(\.path))
    }

    // MARK: admission_control

    @Test func `admission control has Envoy's defaults`() throws {
        var message = Admission()
        message.successCriteria = .init()
        #expect(try policies(message) == TrafficPolicies(admissionControl: .envoy))
    }

    @Test func `every field of admission control arrives`() throws {
        var message = Admission()
        message.enabled = .init(false)
        var range = Envoy_Type_V3_Int32Range()
        (range.start, range.end) = (200, 300)
        message.successCriteria.httpCriteria.httpSuccessStatus = [range]
        message.successCriteria.grpcCriteria.grpcSuccessStatus = [0, 5]
        message.samplingWindow.seconds = 10
        message.aggression.defaultValue = 2
        message.srThreshold.defaultValue.value = 50
        message.rpsThreshold.defaultValue = 7
        message.maxRejectionProbability.defaultValue.value = 40
        let expected = AdmissionControlConfiguration(
            algorithm: .successRate(
                .init(threshold: 0.5, aggression: 2, window: .seconds(10), buckets: 10, minimumRate: 7)
            ),
            maximumRefusal: 0.4,
            criteria: AdmissionCriteria(httpSuccess: [200..<300], grpcSuccess: [0, 5]),
            mode: .disabled
        )
        #expect(try policies(message) == TrafficPolicies(admissionControl: expected))
        #expect(try decode(message).ignored == [])
        // Envoy takes less than linear for linear.
        message.aggression.defaultValue = 0.5
        #expect(try policies(message)?.admissionControl?.settings[2].value == "1.0")
    }

    @Test func `a window of less than a second is one of a second, since seconds are what Envoy counts`() throws {
        var message = Admission()
        message.successCriteria = .init()
        message.samplingWindow.nanos = 500_000_000
        #expect(try policies(message)?.admissionControl?.settings[3].value == "1.0 seconds")
        #expect(try decode(message).ignored.map { $0.hasSuffix("sampling_window") } == [true])
    }

    @Test func `bad admission control is refused with the field's path`() throws {
        #expect(try problems(Admission()) == ["success_criteria"])
        var message = Admission()
        message.successCriteria = .init()
        for bad in [0.5, -1, 101, .nan] {
            message.srThreshold.defaultValue.value = bad
            #expect(try problems(message) == ["sr_threshold"])
        }
        message.clearSrThreshold()
        var range = Envoy_Type_V3_Int32Range()
        (range.start, range.end) = (300, 200)
        message.successCriteria.httpCriteria.httpSuccessStatus = [range]
        #expect(try problems(message) == ["success_criteria.http_criteria.http_success_status[0]"])
        message.successCriteria.clearHTTPCriteria()
        message.successCriteria.grpcCriteria.grpcSuccessStatus = [0, 17]
        #expect(try problems(message) == ["success_criteria.grpc_criteria.grpc_success_status[1]"])
        message.successCriteria.clearGrpcCriteria()
        message.aggression.defaultValue = .infinity
        #expect(try problems(message).count == 1)
    }

    // MARK: adaptive_concurrency

    private var smallest: Adaptive {
        var message = Adaptive()
        message.gradientControllerConfig.concurrencyLimitParams.concurrencyUpdateInterval.nanos = 100_000_000
        message.gradientControllerConfig.minRttCalcParams.interval.seconds = 60
        return message
    }

    @Test func `adaptive concurrency has Envoy's defaults`() throws {
        #expect(try policies(smallest) == TrafficPolicies(adaptiveLimit: .init(algorithm: .envoyGradient)))
    }

    @Test func `every field of adaptive concurrency arrives`() throws {
        var message = smallest
        message.gradientControllerConfig.sampleAggregatePercentile.value = 90
        message.gradientControllerConfig.concurrencyLimitParams.maxConcurrencyLimit = .init(99)
        message.gradientControllerConfig.minRttCalcParams.fixedValue.nanos = 5_000_000
        message.gradientControllerConfig.minRttCalcParams.requestCount = .init(25)
        message.gradientControllerConfig.minRttCalcParams.jitter.value = 5
        message.gradientControllerConfig.minRttCalcParams.minConcurrency = .init(4)
        message.gradientControllerConfig.minRttCalcParams.buffer.value = 50
        message.enabled = .init(false)
        message.concurrencyLimitExceededStatus.code = .tooManyRequests
        let limit = EnvoyGradientLimit.Configuration(
            percentile: 0.9,
            maximum: 99,
            measureCalls: 25,
            jitter: 0.05,
            measureLimit: 4,
            fixedIdle: .milliseconds(5),
            buffer: 0.5
        )
        let expected = AdaptiveLimitConfiguration(algorithm: .envoyGradient(limit), status: 429, mode: .disabled)
        #expect(try policies(message) == TrafficPolicies(adaptiveLimit: expected))
        #expect(try decode(message).ignored == [])
        message.concurrencyLimitExceededStatus.code = .ok
        #expect(try policies(message)?.adaptiveLimit?.status == 503)
    }

    @Test func `bad adaptive concurrency is refused with the field's path`() throws {
        #expect(try problems(Adaptive()) == ["gradient_controller_config"])
        var message = smallest
        message.gradientControllerConfig.concurrencyLimitParams.clearConcurrencyUpdateInterval()
        let limits = "gradient_controller_config.concurrency_limit_params"
        #expect(try problems(message) == [limits + ".concurrency_update_interval"])
        message = smallest
        message.gradientControllerConfig.minRttCalcParams.clearInterval()
        #expect(try problems(message) == ["gradient_controller_config.min_rtt_calc_params"])
        message = smallest
        message.gradientControllerConfig.minRttCalcParams.jitter.value = 101
        #expect(try problems(message).count == 1)
    }

    // MARK: a route's word on them

    @Test func `a route switches a listener's filter off by its name alone`() throws {
        var off = Envoy_Config_Route_V3_FilterConfig()
        off.disabled = true
        let (route, ignored) = try route { route in
            for name in ["admission_control", "adaptive_concurrency", "local_ratelimit"] {
                route.typedPerFilterConfig["envoy.filters.http." + name] = try Google_Protobuf_Any(packing: off)
            }
        }
        #expect(ignored == [])
        #expect(route.policies.admissionControl?.mode == .disabled)
        #expect(route.policies.adaptiveLimit?.mode == .disabled)
        #expect(route.rateLimit?.mode == .disabled)
    }

    @Test func `a route has no other admission control of its own, as in Envoy`() {
        #expect(throws: ConfigurationError.self) {
            try route { route in
                var message = Admission()
                message.successCriteria = .init()
                route.typedPerFilterConfig["a"] = try Google_Protobuf_Any(packing: message)
            }
        }
    }

    // MARK: hedge_policy

    @Test func `an attempt that outlives its time is hedged in the place of being retried`() throws {
        let (route, ignored) = try route { route in
            route.route.retryPolicy.retryOn = "5xx,unavailable"
            route.route.retryPolicy.numRetries = .init(2)
            route.route.retryPolicy.perTryTimeout.nanos = 50_000_000
            route.route.hedgePolicy.hedgeOnPerTryTimeout = true
            RetryReplayMetadata.set(.harmless, in: &route.metadata)
        }
        #expect(ignored == [])
        guard case .forward(let forward) = route.action else { throw CancellationError() }
        #expect(forward.retry == nil)
        let expected = HedgingConfiguration(
            maximumAttempts: 3,
            delay: .fixed(.milliseconds(50)),
            ownBudget: nil,
            nonFatalGRPCStatusCodes: [14]
        )
        #expect(route.policies == TrafficPolicies(hedging: expected))
    }

    @Test func `where hedges differ from Envoy's, it is reported`() throws {
        let (route, ignored) = try route { route in
            route.route.retryPolicy.retryOn = "connect-failure"
            route.route.retryPolicy.perTryTimeout.seconds = 1
            route.route.hedgePolicy.hedgeOnPerTryTimeout = true
        }
        #expect(route.policies.hedging?.hedgesNonIdempotent == false)
        // Other methods are not sent twice, and failures are not told apart.
        let path = "virtual_hosts[0].routes[0].route.hedge_policy.hedge_on_per_try_timeout"
        #expect(ignored == [path, path])
    }

    @Test(arguments: [
        ("gateway-error", [502, 503, 504]), ("retriable-4xx", [409]), ("retriable-status-codes", [418]),
        ("connect-failure", []), ("5xx,retriable-4xx", [409] + Array(500...599)),
    ])
    func `the statuses that are retried are those that a hedge may better`(conditions: String, codes: [Int]) throws {
        let (route, _) = try route { route in
            route.route.retryPolicy.retryOn = conditions
            route.route.retryPolicy.retriableStatusCodes = [418]
            route.route.retryPolicy.perTryTimeout.seconds = 1
            route.route.hedgePolicy.hedgeOnPerTryTimeout = true
        }
        #expect(route.policies.hedging?.nonFatalStatusCodes == codes)
    }

    @Test func `a hedge without a time is reported, and what Envoy itself does not do`() throws {
        let (route, ignored) = try route { route in
            route.route.retryPolicy.retryOn = "5xx"
            route.route.hedgePolicy.hedgeOnPerTryTimeout = true
            route.route.hedgePolicy.initialRequests = .init(2)
        }
        #expect(route.policies == .none)
        let path = "virtual_hosts[0].routes[0].route.hedge_policy."
        let (plain, silent) = try self.route { route in
            route.route.retryPolicy.perTryTimeout.seconds = 1
            route.route.hedgePolicy.hedgeOnPerTryTimeout = true
        }
        #expect(plain.policies == .none && silent == [path + "hedge_on_per_try_timeout"])
        #expect(ignored == [path + "initial_requests", path + "hedge_on_per_try_timeout"])
    }

    // MARK: rate limits and faults

    @Test func `a limit that refuses nothing observes, and one that counts nothing is off`() throws {
        var message = Limit()
        message.statPrefix = "rate_limit"
        message.tokenBucket.maxTokens = 5
        message.tokenBucket.fillInterval.seconds = 1
        func mode(_ enabled: UInt32, _ enforced: UInt32) throws -> (PolicyMode?, [String]) {
            message.filterEnabled.defaultValue.numerator = enabled
            message.filterEnforced.defaultValue.numerator = enforced
            let decoded = try decode(message)
            guard case .rateLimit(let limit)? = decoded.filters.first else { return (nil, decoded.ignored) }
            return (limit.mode, decoded.ignored)
        }
        #expect(try mode(100, 100) == (.enforce, []))
        #expect(try mode(100, 0) == (.observe, []))
        #expect(try mode(0, 100) == (.disabled, []))
    }

    @Test func `an abort may have a gRPC status, and faults a bound`() throws {
        var message = Fault()
        message.abort.grpcStatus = 14
        message.abort.percentage.numerator = 100
        message.maxActiveFaults = .init(3)
        let expected = FaultConfiguration(
            abort: .init(grpcStatus: 14, percentage: FractionalPercent(numerator: 100, denominator: .hundred)),
            maximumActive: 3
        )
        let decoded = try decode(message)
        #expect(decoded.filters == [.fault(expected)])
        #expect(decoded.ignored == [])
        message.maxActiveFaults = .init(0)
        #expect(try decode(message).filters == [.fault(FaultConfiguration())])
        // Envoy takes any number; one that is no failure of gRPC aborts nothing here.
        message.clearMaxActiveFaults()
        for status: UInt32 in [0, 17] {
            message.abort.grpcStatus = status
            #expect(try decode(message).filters == [.fault(FaultConfiguration())])
            #expect(try decode(message).ignored.count == 1)
        }
    }

    @Test func `a peer's word on when to come back is read from the fields that the policy names`() throws {
        let (route, ignored) = try route { route in
            route.route.retryPolicy.retryOn = "5xx"
            var header = Envoy_Config_Route_V3_RetryPolicy.ResetHeader()
            header.name = "X-RateLimit-Reset"
            header.format = .unixTimestamp
            route.route.retryPolicy.rateLimitedRetryBackOff.resetHeaders = [header]
            route.route.retryPolicy.rateLimitedRetryBackOff.maxInterval.seconds = 7
        }
        #expect(ignored == [])
        guard case .forward(let forward) = route.action else { throw CancellationError() }
        let expected = RateLimitedBackoff(headers: [.init("x-ratelimit-reset", .unixTimestamp)], maximum: .seconds(7))
        #expect(forward.retry?.rateLimitedBackoff == expected)
        #expect(throws: ConfigurationError.self) {
            try self.route { $0.route.retryPolicy.rateLimitedRetryBackOff = .init() }
        }
    }
}
