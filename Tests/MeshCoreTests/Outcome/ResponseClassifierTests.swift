// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct ResponseClassifierTests {
    @Test func `statuses from 500 on are failures, and a classifier of one's own decides otherwise`() {
        #expect(ResponseClassifier.standard.outcome(status: 499) == .success)
        #expect(ResponseClassifier.standard.outcome(status: 500) == .failure)
        #expect(ResponseClassifier { $0 == 429 ? .ignored : .success }.outcome(status: 429) == .ignored)
    }

    @Test func `what the caller or this process caused says nothing about the peer`() {
        struct Other: Error {}
        let classifier = ResponseClassifier.standard
        #expect(classifier.outcome(error: CancellationError()) == .ignored)
        #expect(classifier.outcome(error: MeshError(.cancelled, origin: .downstream, message: "")) == .ignored)
        #expect(classifier.outcome(error: MeshError(.overflow, origin: .local, message: "")) == .ignored)
        #expect(classifier.outcome(error: MeshError(.connectionFailed, origin: .upstream, message: "")) == .failure)
        #expect(classifier.outcome(error: Other()) == .failure)
    }
}
