// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension CommandMetrics {
    /// The settings that Hystrix' stream carries beside the figures.
    struct StreamProperties: Hashable, Sendable {
        var minimumCalls: Int
        var openDuration: Nanoseconds
        var failurePercentage: Int
        var isForcedOpen: Bool
        var isForcedClosed: Bool
        var isBreakerEnabled: Bool
        var timeout: Nanoseconds?
        var maximumConcurrency: Int
        var maximumFallbackConcurrency: Int
    }

    /// One event of `hystrix.stream`, as Hystrix' dashboard and Turbine read it (`text/event-stream`).
    ///
    /// Fields that have no meaning here (threads, the request cache and log) hold what Hystrix sends for a command with
    /// semaphore isolation and both switched off. Times are milliseconds, rounded to the nearest.
    /// - Parameter wallClock: Milliseconds since 1970.
    func hystrixStreamEvent(_ properties: StreamProperties, wallClock: UInt64) -> String {
        var json = JSONText()
        json.add("type", "HystrixCommand")
        json.add("name", name)
        json.add("group", group)
        json.add("currentTime", wallClock)
        json.add("isCircuitBreakerOpen", isCircuitOpen)
        json.add("errorPercentage", errorPercentage)
        json.add("errorCount", errors)
        json.add("requestCount", requests)
        addCounts(to: &json)
        json.add("currentConcurrentExecutionCount", concurrency)
        json.add("rollingMaxConcurrentExecutionCount", maximumConcurrency)
        json.add("latencyExecute_mean", execution.mean.roundedMilliseconds)
        json.add("latencyExecute", execution.object)
        json.add("latencyTotal_mean", total.mean.roundedMilliseconds)
        json.add("latencyTotal", total.object)
        properties.add(to: &json)
        json.add("reportingHosts", 1)
        return "data: \(json.text)\n\n"
    }

    private func addCounts(to json: inout JSONText) {
        json.add("rollingCountBadRequests", count(of: .badRequest))
        json.add("rollingCountCollapsedRequests", 0)
        json.add("rollingCountEmit", 0)
        json.add("rollingCountExceptionsThrown", count(of: .exceptionThrown))
        json.add("rollingCountFailure", count(of: .failure))
        json.add("rollingCountFallbackEmit", 0)
        json.add("rollingCountFallbackFailure", count(of: .fallbackFailure))
        json.add("rollingCountFallbackMissing", count(of: .fallbackMissing))
        json.add("rollingCountFallbackRejection", count(of: .fallbackRejection))
        json.add("rollingCountFallbackSuccess", count(of: .fallbackSuccess))
        json.add("rollingCountResponsesFromCache", 0)
        json.add("rollingCountSemaphoreRejected", count(of: .semaphoreRejected))
        json.add("rollingCountShortCircuited", count(of: .shortCircuited))
        json.add("rollingCountSuccess", count(of: .success))
        json.add("rollingCountThreadPoolRejected", 0)
        json.add("rollingCountTimeout", count(of: .timeout))
    }
}

extension CommandMetrics.StreamProperties {
    fileprivate func add(to json: inout JSONText) {
        json.add("propertyValue_circuitBreakerRequestVolumeThreshold", minimumCalls)
        json.add("propertyValue_circuitBreakerSleepWindowInMilliseconds", openDuration.roundedMilliseconds)
        json.add("propertyValue_circuitBreakerErrorThresholdPercentage", failurePercentage)
        json.add("propertyValue_circuitBreakerForceOpen", isForcedOpen)
        json.add("propertyValue_circuitBreakerForceClosed", isForcedClosed)
        json.add("propertyValue_circuitBreakerEnabled", isBreakerEnabled)
        json.add("propertyValue_executionIsolationStrategy", "SEMAPHORE")
        // Hystrix knows no command without a timeout but by a switch that its stream does not carry: 0 stands for it.
        let timeout = (timeout ?? .zero).roundedMilliseconds
        json.add("propertyValue_executionIsolationThreadTimeoutInMilliseconds", timeout)
        json.add("propertyValue_executionTimeoutInMilliseconds", timeout)
        json.add("propertyValue_executionIsolationThreadInterruptOnTimeout", true)
        json.add("propertyValue_executionIsolationSemaphoreMaxConcurrentRequests", maximumConcurrency)
        json.add("propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests", maximumFallbackConcurrency)
        json.add(
            "propertyValue_metricsRollingStatisticalWindowInMilliseconds",
            RollingCounts.bucketWidth.roundedMilliseconds * UInt64(RollingCounts.bucketCount)
        )
        json.add("propertyValue_requestCacheEnabled", false)
        json.add("propertyValue_requestLogEnabled", false)
    }
}

extension CommandMetrics.Latencies {
    fileprivate var object: JSONText {
        var object = JSONText()
        for (percentile, value) in zip(Self.percentiles, values) {
            let isWhole = percentile.rounded() == percentile
            object.add(isWhole ? "\(Int(percentile))" : "\(percentile)", value.roundedMilliseconds)
        }
        return object
    }
}

extension Nanoseconds {
    fileprivate var roundedMilliseconds: UInt64 {
        rawValue / 1_000_000 + (rawValue % 1_000_000 >= 500_000 ? 1 : 0)
    }
}
