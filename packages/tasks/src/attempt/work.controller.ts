import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { TaskDto } from '../task/task-view.dto.js';
import { WaitsService } from '../wait/waits.service.js';
import { BeatDto, CompleteDto, CompletionOutcomesDto, CompletionsDto, FailDto, FencedDto, WaitDto } from './attempt.dto.js';
import { WorkService } from './work.service.js';

/** A hundred results of the largest size, and what is around them. */
const COMPLETIONS_MAX_BYTES = 32 * 1024 * 1024;

@ApiTags('tasks')
@Controller('v1')
export class WorkController {
  constructor(
    private readonly work: WorkService,
    private readonly waits: WaitsService,
  ) {}

  /** Takes a worker's sign of life and extends its lease. */
  @Post('tasks/:id/heartbeat')
  @HttpCode(200)
  @Access('tasks:claim')
  heartbeat(@Param('id', IdPipe) id: string, @Body() input: BeatDto): Promise<TaskDto> {
    return this.work.heartbeat(id, input);
  }

  /** Completes a task. */
  @Post('tasks/:id/completion')
  @HttpCode(200)
  @Access('tasks:claim')
  complete(@Param('id', IdPipe) id: string, @Body() input: CompleteDto): Promise<TaskDto> {
    return this.work.complete(id, input);
  }

  /** Ends an attempt as failed; the task is tried again while it has attempts left. */
  @Post('tasks/:id/failure')
  @HttpCode(200)
  @Access('tasks:claim')
  fail(@Param('id', IdPipe) id: string, @Body() input: FailDto): Promise<TaskDto> {
    return this.work.fail(id, input);
  }

  /** Gives a task back for another agent to claim. */
  @Post('tasks/:id/release')
  @HttpCode(200)
  @Access('tasks:claim')
  release(@Param('id', IdPipe) id: string, @Body() input: FencedDto): Promise<TaskDto> {
    return this.work.release(id, input);
  }

  /** Gives a task back until a person has answered; then it is ready for any agent again. */
  @Post('tasks/:id/wait')
  @HttpCode(200)
  @Access('tasks:claim')
  wait(@Param('id', IdPipe) id: string, @Body() input: WaitDto): Promise<TaskDto> {
    return this.waits.wait(id, input);
  }

  /** Completes up to 100 tasks; each succeeds or not by itself. */
  @Post('completions')
  @HttpCode(200)
  @Access('tasks:claim', { bodyLimitBytes: COMPLETIONS_MAX_BYTES })
  completeMany(@Body() { items }: CompletionsDto): Promise<CompletionOutcomesDto> {
    return this.work.completeMany(items);
  }
}
