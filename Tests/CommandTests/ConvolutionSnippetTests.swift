import Foundation
import Testing

/// The snippet that shows a convolution as a product of matrices checks what it claims.
@Suite struct ConvolutionSnippetTests {
  @Test func everyClaimIsRight() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: BuiltTool.path).deletingLastPathComponent()
      .appendingPathComponent("ConvolutionAsMatrixProduct")
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let lines = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).split(
      separator: "\n")
    process.waitUntilExit()
    #expect(process.terminationStatus == 0 && lines.count == 5 && lines.allSatisfy { $0.hasPrefix("right: ") })
  }
}
