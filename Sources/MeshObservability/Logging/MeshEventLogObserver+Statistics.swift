// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Logging
import MeshCore

extension MeshEventLogObserver {
    /// Writes what becomes of the reports by which a source tells its control plane of requests.
    func noticed(_ event: LoadStatisticsEvent, source: String) {
        switch event {
        case .asked(let interval, let clusters, let ignored):
            var metadata: Logger.Metadata = [
                "source": text(source), "interval_seconds": .stringConvertible(interval.seconds),
            ]
            if let clusters { metadata["clusters"] = .stringConvertible(clusters) }
            if !ignored.isEmpty { metadata["ignored"] = .array(ignored.map { text($0) }) }
            logger.info("control plane asks what became of requests", metadata: metadata)
        case .sent(let clusters):
            logger.trace(
                "control plane told what became of requests",
                metadata: ["source": text(source), "clusters": .stringConvertible(clusters)]
            )
        case .failed(let reason, let inRow):
            // One that stays away is told once; how often it was tried is counted.
            logger.log(
                level: inRow > 1 ? .debug : .warning,
                "control plane not told what became of requests, it is tried again",
                metadata: [
                    "source": text(source), "reason": text(reason), "failures": .stringConvertible(inRow),
                ]
            )
        }
    }
}
