import ArgumentParser
import Aviary
import AviaryCommands
import AviaryKernels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `aviary-bench tune`: measures every convolution algorithm on the shapes of common networks and compares the fastest
/// with the rule's choice. For people who change the rule; see tools/tune.
struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune", abstract: "Measure every convolution algorithm against the one that the rule chooses.")

  @Option(help: "The number of compute threads.") var threads = ProcessInfo.processInfo.activeProcessorCount
  @Option(help: "Batch sizes, separated by commas.") var batches = "1,4,16,32"

  /// Input channels, output channels, height and width, kernel, stride: of ResNet, the XAI net, VGG and LeNet.
  private static let layers: [(Int, Int, Int, Int, Int)] = [
    (3, 64, 224, 7, 2), (64, 64, 56, 3, 1), (64, 128, 56, 3, 2), (64, 128, 56, 1, 2), (128, 128, 28, 3, 1),
    (128, 256, 28, 3, 2), (256, 256, 14, 3, 1), (256, 512, 14, 3, 2), (512, 512, 7, 3, 1), (64, 64, 100, 3, 1),
    (128, 128, 50, 3, 1), (256, 256, 25, 3, 1), (512, 512, 12, 3, 1), (512, 512, 6, 3, 1), (16, 16, 32, 3, 1),
    (6, 16, 14, 5, 1),
  ]

  func validate() throws {
    guard (1...1024).contains(threads) else { throw ValidationError("--threads must be between 1 and 1024") }
    guard sizes.allSatisfy({ (1...1024).contains($0 ?? 0) }) else {
      throw ValidationError("--batches '\(batches)': give numbers from 1 to 1024, separated by commas, such as 1,16")
    }
  }

  private var sizes: [Int?] { batches.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) } }

  func run() throws {
    Compute.threads = threads
    print("milliseconds per call; * marks the rule's choice, the last column is its time relative to the fastest\n")
    let algorithms = ConvolutionAlgorithm.allCases
    print(([pad("", 44)] + algorithms.map { pad($0.rawValue, 20) }).joined())
    var losses: [Double] = []
    for batch in sizes.compactMap(\.self) {
      for (input, output, size, kernel, stride) in Self.layers {
        let window = Window(
          kernel: [kernel, kernel], stride: [stride, stride], dilation: [1, 1],
          paddingLow: [kernel / 2, kernel / 2], paddingHigh: [kernel / 2, kernel / 2])
        let shape = ConvolutionShape(
          input: [batch, input, size, size], weights: [output, input, kernel, kernel], window: window, groups: 1,
          hasBias: false)
        let works: [(String, AlgorithmMeasurement.Work)] = [
          ("training", .forward(.training)), ("inference", .forward(.inference)),
          ("again", .forward(.repeatedInference)), ("d input", .gradientOfInput), ("d weights", .gradientOfWeights),
        ]
        for (name, work) in works where input > 3 || work != .gradientOfInput {
          let found = AlgorithmMeasurement(shape, work)
          let times = algorithms.map { algorithm in
            let time = found.seconds[algorithm].map { fixed($0 * 1e3, 3) } ?? "-"
            return pad(time + (algorithm == found.chosen ? " *" : ""), 20)
          }
          let what = "\(batch)×\(input)×\(size)×\(size) → \(output), \(kernel)×\(kernel)/\(stride)"
          print(pad(what, 33) + pad(name, 11) + times.joined() + fixed(found.loss, 2))
          losses.append(found.loss)
        }
      }
    }
    let mean = losses.reduce(0, +) / Double(max(1, losses.count))
    print("\nOn average the rule's choice takes \(fixed(mean, 3)) times as long as the fastest algorithm.")
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
