import Testing

@Suite struct OperationsPageTests {
  @Test func examplesRun() throws { try runOperationExamples() }
}
