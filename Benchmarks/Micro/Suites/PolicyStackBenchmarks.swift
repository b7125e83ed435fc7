// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

func policyStackBenchmarks() -> [Benchmark] {
    let full = PolicyStack(MinimalTransport())
    let small = SmallPolicyStack(MinimalTransport())
    let suspendingFull = PolicyStack(SuspendingTransport())
    let suspendingSmall = SmallPolicyStack(SuspendingTransport())
    return Benchmark("stack/policies", leaf: "leaf/transport") { await exchange(full.stack, $0) }.withTwoThreads
        + Benchmark("stack/policies-small", leaf: "leaf/transport") { await exchange(small.stack, $0) }.withTwoThreads
        + [
            Benchmark("stack/policies-suspending", leaf: "leaf/suspending") {
                await exchange(suspendingFull.stack, $0)
            },
            Benchmark("stack/policies-small-suspending", leaf: "leaf/suspending") {
                await exchange(suspendingSmall.stack, $0)
            },
        ]
}
