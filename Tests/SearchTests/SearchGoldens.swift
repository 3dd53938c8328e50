import AviaryTestSupport
import Foundation

/// What `tools/goldens_search.py` writes.
struct SearchGoldens: Decodable {
  struct Process: Decodable {
    let inputs: [[Double]]
    let targets: [Double]
    let lengths: [Double]
    let signal: Double
    let noise: Double
    let queries: [[Double]]
    let mean: [Double]
    let deviation: [Double]
    let logMarginalLikelihood: Double
    let slopes: [Double]
  }

  struct Improvement: Decodable {
    let mean: Double
    let deviation: Double
    let best: Double
    /// nil where it is too small for a double.
    let value: Double?
    let logarithm: Double
  }

  struct Parzen: Decodable {
    let points: [[Double?]]
    let places: [[Double]]
    let logDensities: [Double]
  }

  struct Grid: Decodable {
    let values: [String: [String]]
    let points: [[String: String]]
  }

  let gaussianProcess: Process
  let expectedImprovement: [Improvement]
  let parzen: Parzen
  let grid: Grid

  static func read() throws -> SearchGoldens {
    try JSONDecoder().decode(self, from: Data(contentsOf: Goldens.url("search.json", of: "SearchTests")))
  }
}

func close(_ value: Double, _ expected: Double, _ tolerance: Double = 1e-9) -> Bool {
  abs(value - expected) <= tolerance * max(1, abs(expected))
}
