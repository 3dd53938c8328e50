import Synchronization

/// What has happened since the server began, as Prometheus reads it.
package final class ServingMetrics: Sendable {
  private struct Series: Hashable {
    let name: String
    /// As they stand in the text: `model="pets"`.
    let labels: String
  }

  private struct Histogram {
    var counts: [Int]
    var sum = 0.0
    var count = 0
  }

  private struct State {
    var counters: [Series: Int] = [:]
    var histograms: [Series: Histogram] = [:]

    mutating func add(_ value: Double, to series: Series, _ bounds: [Double]) {
      var histogram = histograms[series] ?? Histogram(counts: Array(repeating: 0, count: bounds.count))
      if let place = bounds.firstIndex(where: { value <= $0 }) { histogram.counts[place] += 1 }
      histogram.sum += value
      histogram.count += 1
      histograms[series] = histogram
    }
  }

  private static let seconds = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
  ]
  private static let sizes: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256]

  private static let descriptions: [(name: String, type: String, text: String)] = [
    ("aviary_requests_total", "counter", "Requests that were answered, by route and status."),
    ("aviary_errors_total", "counter", "Requests that failed, by what was wrong."),
    ("aviary_request_seconds", "histogram", "Time from the head of a request to its answer."),
    ("aviary_batch_rows", "histogram", "Images or rows that were computed at once."),
    ("aviary_batch_seconds", "histogram", "Time that a batch was computed."),
    ("aviary_reloads_total", "counter", "Files that were replaced, by whether the new one is served."),
  ]

  private let state = Mutex(State())

  package init() {}

  /// - Parameters:
  ///   - model: one that is served, so that strangers cannot make up labels; nil for none.
  package func addRequest(route: String, model: String?, status: Int, fault: ServingFault?, seconds: Double) {
    let labels = Self.labels([("route", route), ("model", model ?? "")])
    state.withLock { state in
      let counted = Self.labels([("route", route), ("model", model ?? ""), ("status", "\(status)")])
      state.counters[.init(name: "aviary_requests_total", labels: counted), default: 0] += 1
      if let fault {
        let failed = Self.labels([("route", route), ("kind", fault.kind)])
        state.counters[.init(name: "aviary_errors_total", labels: failed), default: 0] += 1
      }
      state.add(seconds, to: .init(name: "aviary_request_seconds", labels: labels), Self.seconds)
    }
  }

  func addBatch(of model: String, rows: Int, seconds: Double) {
    let labels = Self.labels([("model", model)])
    state.withLock { state in
      state.add(Double(rows), to: .init(name: "aviary_batch_rows", labels: labels), Self.sizes)
      state.add(seconds, to: .init(name: "aviary_batch_seconds", labels: labels), Self.seconds)
    }
  }

  func addReload(of model: String, succeeded: Bool) {
    let labels = Self.labels([("model", model), ("outcome", succeeded ? "served" : "refused")])
    state.withLock { $0.counters[.init(name: "aviary_reloads_total", labels: labels), default: 0] += 1 }
  }

  /// The text of Prometheus's exposition format, version 0.0.4.
  ///
  /// - Parameter gauges: what is measured at this moment.
  package func text(gauges: [(name: String, text: String, values: [(labels: [(String, String)], value: Double)])])
    -> String
  {
    let (counters, histograms) = state.withLock { ($0.counters, $0.histograms) }
    var lines: [String] = []
    for (name, type, text) in Self.descriptions {
      lines += ["# HELP \(name) \(text)", "# TYPE \(name) \(type)"]
      for (series, count) in counters.filter({ $0.key.name == name }).sorted(by: { $0.key.labels < $1.key.labels }) {
        lines.append("\(name){\(series.labels)} \(count)")
      }
      for (series, histogram) in histograms.filter({ $0.key.name == name }).sorted(by: { $0.key.labels < $1.key.labels }
      ) {
        let bounds = name.hasSuffix("_seconds") ? Self.seconds : Self.sizes
        var total = 0
        for (bound, count) in zip(bounds, histogram.counts) {
          total += count
          lines.append("\(name)_bucket{\(series.labels),le=\"\(Self.number(bound))\"} \(total)")
        }
        lines.append("\(name)_bucket{\(series.labels),le=\"+Inf\"} \(histogram.count)")
        lines.append("\(name)_sum{\(series.labels)} \(Self.number(histogram.sum))")
        lines.append("\(name)_count{\(series.labels)} \(histogram.count)")
      }
    }
    for gauge in gauges {
      lines += ["# HELP \(gauge.name) \(gauge.text)", "# TYPE \(gauge.name) gauge"]
      for (labels, value) in gauge.values {
        let labels = labels.isEmpty ? "" : "{\(Self.labels(labels))}"
        lines.append("\(gauge.name)\(labels) \(Self.number(value))")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && value.magnitude < 1e15 ? "\(Int(value))" : "\(value)"
  }

  private static func labels(_ labels: [(String, String)]) -> String {
    labels.map { name, value in
      let escaped = value.unicodeScalars.map { scalar in
        switch scalar {
        case "\\": "\\\\"
        case "\"": "\\\""
        case "\n": "\\n"
        default: String(scalar)
        }
      }
      return "\(name)=\"\(escaped.joined())\""
    }.joined(separator: ",")
  }
}
