import AviaryCommands
import COutOfMemory

om_end_program_without_memory()
AviaryCommand.main()
