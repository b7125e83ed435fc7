// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Logging
import MeshCore

extension MeshEventLogObserver {
    /// Writes what authorization rules said: a refusal and what is to be audited where everybody reads it, the rest for
    /// those who look for it.
    func decided(_ decision: AuthorizationDecision) {
        var metadata: Logger.Metadata = [
            "listener": text(decision.listener), "policy": text(decision.policy ?? "none"),
            "peer": text(decision.peerIdentity ?? "none"),
        ]
        if !decision.prefix.isEmpty { metadata["rules"] = text(decision.prefix) }
        if let request = decision.request {
            metadata["method"] = text(request.method)
            metadata["authority"] = text(request.authority)
            // A query may hold secrets.
            let path = request.path.prefix { $0 != "?" && $0 != "#" }
            metadata["path"] = text(String(path))
        }
        switch decision.outcome {
        case .denied: logger.info("request refused by authorization", metadata: metadata)
        case .logged: logger.notice("request audited by authorization", metadata: metadata)
        case .shadowDenied: logger.debug("request would be refused by authorization", metadata: metadata)
        case .allowed, .shadowAllowed, .notLogged:
            metadata["outcome"] = text(decision.outcome.rawValue)
            logger.trace("request allowed by authorization", metadata: metadata)
        }
    }
}
